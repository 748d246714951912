/** A user's own pipeline module, outside the checkout, on embedded data. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { startWeir } from "../support/weir_process.ts";
import { inFolder } from "../support/module_run.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;

/** A module whose schedule writes 500 numbers, and whose operator is given. */
function moduleText(operator: string): string {
  return `
    import { cassandraTable, delimited, kafka, map, pipeline } from ${JSON.stringify(api)};
    ${operator}
    export default pipeline("numbers", {
      schedule: {
        cron: "0 0 1 1 *",
        produce: async function* () {
          for (let n = 0; n < 500; n++) yield { key: String(n), value: { n: String(n) } };
        },
      },
      source: kafka("numbers", { group: "numbers", codec: delimited(["n"], ","), partitions: 4 }),
      outputs: (stream) => [
        stream.pipe(map(operate)).to(cassandraTable("own.numbers", { columns: { n: "text" }, key: ["n"] })),
      ],
    });`;
}

function command(folder: string, ...flags: string[]): [string, ...string[]] {
  return [Deno.execPath(), "run", "--allow-all", main, "run", `${folder}/numbers.ts`, ...flags];
}

function rows(folder: string): number {
  const database = new DatabaseSync(`${folder}/data/tables.db`, { readOnly: true });
  const { n } = database.prepare('select count(*) as n from "own.numbers"').get() as { n: number };
  database.close();
  return n;
}

Deno.test("a worker that dies is replaced, and its records are processed all the same", async () => {
  await inFolder("weir-own-", async (folder) => {
    // Dies for as long as the file is there, out of reach of any try: as a bug in an asynchronous part would.
    await Deno.writeTextFile(`${folder}/deadly`, "");
    await Deno.writeTextFile(
      `${folder}/numbers.ts`,
      moduleText(`
        const file = new URL("./deadly", import.meta.url);
        function operate(row: { n: string }) {
          if (row.n !== "7") return row;
          try {
            Deno.statSync(file);
          } catch {
            return row;
          }
          setTimeout(() => { throw new Error("a bug"); });
          return row;
        }`),
    );
    await using weir = startWeir({ command: command(folder), dataDir: `${folder}/data` });
    await weir.until(
      "a worker was replaced",
      ({ workers }) => workers.some(({ restarts }) => restarts > 0) || undefined,
    );
    await Deno.remove(`${folder}/deadly`);
    await weir.until(
      "all is written",
      ({ pipelines: [numbers] }) =>
        numbers?.state === "running" && numbers.partitions.length === 4 &&
          numbers.partitions.every(({ lag }) => lag === 0) && numbers.records.out > 0 || undefined,
    );
    assert.equal(await weir.stop(), 0);
    assert.equal(rows(folder), 500);
  });
});

Deno.test("a worker that does not come back is replaced, and its records are processed all the same", async () => {
  await inFolder("weir-own-", async (folder) => {
    await Deno.writeTextFile(`${folder}/stuck`, "");
    await Deno.writeTextFile(
      `${folder}/numbers.ts`,
      moduleText(`
        const file = new URL("./stuck", import.meta.url);
        function isThere() {
          try {
            return Deno.statSync(file).isFile;
          } catch {
            return false;
          }
        }
        function operate(row: { n: string }) {
          while (row.n === "7" && isThere());
          return row;
        }`),
    );
    await using weir = startWeir({
      command: command(folder, "--worker-timeout-ms", "500"),
      dataDir: `${folder}/data`,
    });
    await weir.until(
      "a worker was replaced",
      ({ workers }) => workers.some(({ restarts }) => restarts > 0) || undefined,
    );
    await Deno.remove(`${folder}/stuck`);
    await weir.until("all is read", ({ pipelines: [numbers] }) => numbers?.records.in === 500 || undefined);
    assert.equal(await weir.stop(), 0);
    assert.equal(rows(folder), 500);
  });
});

Deno.test("pipelines that share a worker keep their results apart", async () => {
  await inFolder("weir-own-", async (folder) => {
    const names = ["alpha", "beta", "gamma"];
    for (const name of names) {
      const text = moduleText("const operate = (row: { n: string }) => row;")
        .replace("n < 500", "n < 20_000").replaceAll("own.numbers", `own.${name}`).replaceAll(
          '"numbers"',
          `"${name}"`,
        )
        .replaceAll("String(n)", `"${name}-" + n`);
      await Deno.writeTextFile(`${folder}/${name}.ts`, text);
    }
    const modules = names.map((name) => `${folder}/${name}.ts`);
    await using weir = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run", ...modules, "--workers", "1"],
      dataDir: `${folder}/data`,
    });
    await weir.until(
      "all is read",
      ({ pipelines }) =>
        pipelines.length === 3 && pipelines.every(({ records }) => records.in === 20_000) || undefined,
    );
    assert.equal(await weir.stop(), 0);
    const database = new DatabaseSync(`${folder}/data/tables.db`, { readOnly: true });
    for (const name of names) {
      const query =
        `select count(*) as n, count(*) filter (where n like '${name}-%') as own from "own.${name}"`;
      assert.deepEqual({ ...database.prepare(query).get() }, { n: 20_000, own: 20_000 }, name);
    }
    database.close();
  });
});

Deno.test("operators can reach neither network, environment nor other files", async () => {
  await inFolder("weir-own-", async (folder) => {
    await Deno.writeTextFile(
      `${folder}/numbers.ts`,
      moduleText(`
        const attempts = [
          () => Deno.env.get("HOME"),
          () => Deno.readTextFileSync("/etc/hostname"),
          () => Deno.writeTextFileSync(new URL("./written", import.meta.url), ""),
          () => new Deno.Command("true").outputSync(),
        ];
        function operate(row: { n: string }) {
          const allowed = attempts.filter((attempt) => {
            try {
              // What answers with a promise was not refused at once; the refusal is not to go unhandled.
              Promise.resolve(attempt()).catch(() => {});
              return true;
            } catch (error) {
              if (error instanceof Deno.errors.NotCapable) return false;
              throw error;
            }
          });
          if (allowed.length > 0) throw new Error("allowed: " + allowed.join("; "));
          return row;
        }`),
    );
    await using weir = startWeir({ command: command(folder), dataDir: `${folder}/data` });
    const status = await weir.until(
      "all is read",
      ({ pipelines: [numbers] }) => numbers?.records.in === 500 ? numbers : undefined,
    );
    assert.deepEqual(status.records, { in: 500, out: 500, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
    assert.equal(await weir.stop(), 0);
  });
});
