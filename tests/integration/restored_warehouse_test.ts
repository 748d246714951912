/** The warehouse of an earlier day beside the topics of today: nothing is lost, and copies of records come once. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { copyFolder } from "../support/copy_folder.ts";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;
const each = 300;

/** Each start writes some more numbers. */
const module = `
  import { aggregate, count, kafka, map, pipeline, text, topic } from ${JSON.stringify(api)};
  export default pipeline("numbers", {
    schedule: {
      cron: "0 0 1 1 *",
      produce: async function* () {
        for (let n = 0; n < ${each}; n++) yield { key: String(n % 7), value: String(n) };
      },
    },
    source: kafka("numbers", { group: "numbers", codec: text(), partitions: 2 }),
    outputs: (stream) => {
      const counts = () => stream.pipe(aggregate({ by: (n) => ({ digit: n.at(-1) }), compute: { n: count() } }));
      return [
        stream.pipe(map((_, record) => record.partition + " " + record.offset))
          .to(topic("origins", { key: (origin) => origin.split(" ")[0], codec: text(), partitions: 2 })),
        counts().to(topic("counts", {
          key: ({ digit }) => digit,
          codec: { name: "count", encode: ({ digit, n }) => new TextEncoder().encode(digit + " " + n), decode: String },
        })),
      ];
    },
  });`;

Deno.test("a warehouse that is put back from a backup: topics get what comes since, and records once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-restored-" });
  const [warehouse, backup] = [`${folder}/data/warehouse`, `${folder}/backup`];
  const values = (topic: string) => {
    const database = new DatabaseSync(`${folder}/data/log.db`, { readOnly: true });
    const rows = database.prepare(
      `select partition || ' ' || "offset" as origin, cast(value as text) as value
       from records join topics on id = topic where name = ? order by partition, "offset"`,
    ).all(topic) as { origin: string; value: string }[];
    database.close();
    return rows;
  };
  const run = async (total: number) => {
    await using weir = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run", `${folder}/numbers.ts`],
      dataDir: `${folder}/data`,
    });
    await weir.until("all is written", ({ pipelines: [numbers] }) => {
      const { partitions = [], sinks = [], state } = numbers ?? {};
      const end = partitions.reduce((sum, { endOffset }) => sum + endOffset, 0);
      return state === "running" && end === total && partitions.every(({ lag }) => lag === 0) &&
          sinks.every(({ behind = 0, waiting = 0 }) => behind === 0 && waiting === 0) || undefined;
    });
    // All of the last transaction is in the topic when what is told of it is.
    await weir.until("all counts are told", () => told() === total || undefined);
    assert.equal(await weir.stop(), 0);
  };
  /** What the last counts of all digits come to. */
  const told = () =>
    [...new Map(values("counts").map(({ value }) => value.split(" ") as [string, string])).values()]
      .reduce((sum, n) => sum + Number(n), 0);
  try {
    await Deno.writeTextFile(`${folder}/numbers.ts`, module);
    await run(each);
    await copyFolder(warehouse, backup);
    await run(2 * each);
    await Deno.remove(warehouse, { recursive: true });
    await Deno.rename(backup, warehouse);
    await run(3 * each);

    const numbers = values("numbers");
    assert.equal(numbers.length, 3 * each);
    const origins = values("origins").map(({ value }) => value);
    assert.deepEqual(origins.toSorted(), numbers.map(({ origin }) => origin).toSorted());
    const expected = Object.groupBy(numbers, ({ value }) => value.at(-1)!);
    const last = new Map(values("counts").map(({ value }) => value.split(" ") as [string, string]));
    assert.deepEqual(
      Object.fromEntries(last),
      Object.fromEntries(Object.entries(expected).map(([digit, all]) => [digit, `${all!.length}`])),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
