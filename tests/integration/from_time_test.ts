/** Reading a topic's history from a time on: for a new group, and with `weir offsets reset`. */
import assert from "node:assert/strict";
import { startWeir } from "../support/weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;

/** Produces so many numbers when it starts; `from` is text of the module. */
function moduleText(group: string, produced: number, from: string): string {
  return `
    import { cassandraTable, delimited, kafka, pipeline } from ${JSON.stringify(api)};
    export default pipeline("numbers", {
      schedule: {
        cron: "0 0 1 1 *",
        produce: async function* () {
          for (let n = 0; n < ${produced}; n++) yield { key: String(n), value: { n: "${group} " + n } };
        },
      },
      source: kafka("numbers", { group: "${group}", codec: delimited(["n"], ","), from: ${from}, partitions: 2 }),
      outputs: (stream) => [stream.to(cassandraTable("own.numbers", { columns: { n: "text" }, key: ["n"] }))],
    });`;
}

Deno.test("a new group starts at a time, and a reset goes back to one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-from-" });
  /** Runs until nothing is left and so many records have come in, and asserts that no more have. */
  const run = async (group: string, produced: number, from: string, expected: number): Promise<void> => {
    await Deno.writeTextFile(`${folder}/numbers.ts`, moduleText(group, produced, from));
    await using weir = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run", `${folder}/numbers.ts`],
      dataDir: `${folder}/data`,
    });
    const records = await weir.until(
      "nothing is left",
      ({ pipelines: [numbers], schedules: [schedule] }) =>
        numbers?.partitions.length === 2 && numbers.partitions.every(({ lag }) => lag === 0) &&
          schedule?.runs === 1 && schedule.state === "waiting" && numbers.records.in >= expected &&
          numbers.records ||
        undefined,
    );
    assert.equal(await weir.stop(), 0);
    assert.equal(records.in, expected);
  };
  const reset = async (to: string) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", main, ...["offsets", "reset", `${folder}/numbers.ts`, "--to", to]]
        .concat("--data-dir", `${folder}/data`),
      stdin: "null",
    }).output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  try {
    await run("first", 40, '"earliest"', 40);
    const between = new Date(Date.now() + 1);
    while (Date.now() <= between.getTime());
    await run("second", 7, `{ timestamp: new Date("${between.toISOString()}") }`, 7);
    await run("third", 0, '{ ago: "1h" }', 47);
    assert.equal((await reset(between.toISOString())).code, 0);
    await run("third", 0, '"latest"', 7);
    assert.equal((await reset("2h")).code, 0);
    await run("third", 0, '"latest"', 47);
    for (const to of ["2026-13-01", "tomorrow", "2026-01-01T12:00"]) {
      const { code, output } = await reset(to);
      assert.equal(code, 2, output);
      assert.match(output, /give earliest, latest, an offset, a time as in 2026-01-31/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
