/** A join with a file that changes while the process runs, on embedded data. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;

const moduleText = `
  import { cassandraTable, csvFile, delimited, join, kafka, pipeline, referenceTable } from ${
  JSON.stringify(api)
};
  const names = referenceTable("names", {
    columns: { n: "text", name: "text" },
    key: "n",
    from: csvFile(new URL("./names.csv", import.meta.url)),
    refresh: "50ms",
  });
  export default pipeline("names", {
    schedule: {
      cron: "0 0 1 1 *",
      produce: async function* () {
        for (let n = 0; n < 500; n++) yield { key: String(n), value: { n: String(n) } };
      },
    },
    source: kafka("numbers", { group: "numbers", codec: delimited(["n"], ","), partitions: 4 }),
    outputs: (stream) => [
      stream.pipe(join(names, { on: ({ n }) => n, with: ({ n }, { name }) => ({ n, name }) }))
        .to(cassandraTable("own.names", { columns: { n: "text", name: "text" }, key: ["n"] })),
    ],
  });`;

/** Another file in its place, since one that is written over is empty for a moment. */
async function replace(file: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${file}.new`, text);
  await Deno.rename(`${file}.new`, file);
}

const csv = (count: number) =>
  ["n,name", ...Array.from({ length: count }, (_, n) => `${n},"number, ${n}"`), ""].join("\n");

Deno.test("records are joined with a file, which is read again while they flow", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-join-" });
  const command: [string, ...string[]] = [
    Deno.execPath(),
    "run",
    "--allow-all",
    main,
    "run",
    `${folder}/names.ts`,
  ];
  try {
    await Deno.writeTextFile(`${folder}/names.ts`, moduleText);
    await using failing = startWeir({ command, dataDir: `${folder}/data` });
    await assert.rejects(
      failing.until("it ends", () => undefined),
      /it ended with code 1[^]*Cannot read the reference table "names": .*names\.csv/,
    );
    await replace(`${folder}/names.csv`, csv(300));
    await using weir = startWeir({ command, dataDir: `${folder}/data` });
    await weir.until(
      "all is read",
      ({ pipelines: [names] }) =>
        names && names.records.in >= 500 && names.partitions.every(({ lag }) => lag === 0) || undefined,
    );
    await replace(`${folder}/names.csv`, "n,name\n1\n");
    const bad = await weir.until(
      "a bad file shows",
      ({ pipelines: [names] }) =>
        names!.references![0]!.lastError === undefined ? undefined : names!.references![0]!,
    );
    assert.equal(bad.rows, 300);
    assert.match(bad.lastError!, /columns length is 2, got 1/);
    await replace(`${folder}/names.csv`, csv(400));
    await weir.until(
      "a good one counts again",
      ({ pipelines: [names] }) =>
        names!.references![0]!.rows === 400 && !names!.references![0]!.lastError || undefined,
    );
    assert.equal(await weir.stop(), 0);
    const database = new DatabaseSync(`${folder}/data/tables.db`, { readOnly: true });
    const rows = database.prepare('select n, name from "own.names"').all();
    database.close();
    assert.equal(rows.length, 300);
    assert.ok(rows.every(({ n, name }) => name === `number, ${n}`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
