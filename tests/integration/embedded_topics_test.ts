/** Output topics of the embedded log get every record once, though the process is killed. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;

/** Each start writes 3,000 more numbers. */
const module = `
  import { kafka, map, pipeline, text, topic } from ${JSON.stringify(api)};
  export default pipeline("numbers", {
    schedule: {
      cron: "0 0 1 1 *",
      produce: async function* () {
        for (let n = 0; n < 3_000; n++) yield { key: String(n % 7), value: String(n) };
      },
    },
    source: kafka("numbers", { group: "numbers", codec: text(), partitions: 2 }),
    outputs: (stream) => [
      stream.pipe(map((_, record) => record.partition + " " + record.offset))
        .to(topic("origins", { key: (origin) => origin.split(" ")[0], codec: text(), partitions: 2 })),
    ],
  });`;

Deno.test("an embedded topic gets every record once and in order, though the process is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-embedded-topics-" });
  try {
    await Deno.writeTextFile(`${folder}/numbers.ts`, module);
    const start = () =>
      startWeir({
        command: [Deno.execPath(), "run", "--allow-all", main, "run", `${folder}/numbers.ts`],
        dataDir: `${folder}/data`,
      });
    for (let kill = 1; kill <= 4; kill++) {
      await using weir = start();
      await weir.until(
        "it has read some",
        ({ pipelines: [each] }) => each && each.records.in > 0 || undefined,
      );
      await weir.kill();
    }
    await using weir = start();
    await weir.until(
      "all is written",
      ({ pipelines: [each] }) =>
        each?.state === "running" && each.records.in >= 3_000 && each.partitions.every(({ lag }) =>
            lag === 0
          ) &&
          each.sinks[0]!.behind === 0 || undefined,
    );
    assert.equal(await weir.stop(), 0);

    const database = new DatabaseSync(`${folder}/data/log.db`, { readOnly: true });
    const read = (topic: string) =>
      database.prepare(
        `select partition, "offset", cast(value as text) as value from records join topics on id = topic
         where name = ? order by partition, "offset"`,
      ).all(topic) as { partition: number; offset: number; value: string }[];
    const origins = read("origins").map(({ value }) => value);
    const expected = read("numbers").map(({ partition, offset }) => `${partition} ${offset}`);
    database.close();
    for (const partition of ["0 ", "1 "]) {
      const from = (each: string) => each.startsWith(partition);
      assert.deepEqual(origins.filter(from), expected.filter(from));
    }
    assert.ok(expected.length >= 3_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
