import assert from "node:assert/strict";
import { type Part, partsOfAll, runParts } from "../../bench/all.ts";
import { benchmarks } from "../../bench/benchmarks.ts";
import { UsageError } from "../../bench/flags.ts";

const parts: Part[] = ["first", "second", "third"].map((name) => ({ name, args: ["--runs", "1"] }));
const idle = () => Promise.resolve({ loadAverage: 0.25, busyPercent: 3 });

Deno.test("all benchmarks are parts of it, with flags that they take", () => {
  const all = partsOfAll(["--runs=7", "--without-spark", "--set", "WEIR_WORKERS=2"]);
  assert.deepEqual(all.map(({ name }) => name).sort(), benchmarks.map(({ name }) => name).sort());
  for (const { name, args } of all) {
    assert.equal(typeof benchmarks.find((each) => each.name === name)!.prepare(args), "function");
    assert.deepEqual(args.slice(-2), ["--set", "WEIR_WORKERS=2"]);
  }
  const argsOf = (name: string) => all.find((part) => part.name === name)!.args.join(" ");
  for (const name of ["rows", "windows"]) assert.match(argsOf(name), /--runs 7 --without-spark /);
  assert.match(argsOf("latency"), /--runs 3 /, "not so often: it takes long");
});

Deno.test("some can be chosen, and what is not there is refused", () => {
  assert.deepEqual(partsOfAll(["--only", "start,rows"]).map(({ name }) => name), ["rows", "start"]);
  assert.throws(
    () => partsOfAll(["--only", "rows,colums"]),
    new UsageError('--only is "rows,colums": there is no colums'),
  );
});

Deno.test("parts run one after the other, and one that fails does not end it", async () => {
  const lines: string[] = [];
  const measured: string[] = [];
  const failed = await runParts(
    parts,
    ({ name }) => {
      measured.push(name);
      return name === "second" ? Promise.reject(new Error("no luck")) : Promise.resolve();
    },
    (line) => lines.push(line),
    idle,
  );
  assert.deepEqual(measured, ["first", "second", "third"]);
  assert.deepEqual(failed, ["second"]);
  assert.equal(lines[0], "\nfirst --runs 1: begins at a load average of 0.25, 3% busy");
  assert.ok(lines.includes("second failed, and the others go on: no luck"), lines.join("\n"));
  assert.match(lines.at(-1)!, /^\nMinutes: first 0; second 0, failed; third 0$/);
});
