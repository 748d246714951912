import assert from "node:assert/strict";
import { aggregate, avg, count, pipeline, postgresTable, tumbling } from "weir";
import { deadLettersOf, linesOf } from "../support/plan_run.ts";
import { record, run, slice, source } from "../support/readings.ts";

Deno.test("aggregates add up a batch by window and key, over partitions", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r) => ({ sensor: r.sensor }),
        window: tumbling("1s"),
        compute: { readings: count(), mean: avg((r) => r.celsius) },
      })).to(postgresTable("means")),
    ],
  });
  const at = (offset: number, timestamp: number, sensor: string, celsius: number) =>
    record(offset, { sensor, celsius }, { timestamp });
  const output = run(plan, [
    slice([at(0, 1_000, "a", 1), at(1, 1_999, "a", 2), at(2, 2_000, "a", 4)]),
    slice([at(0, 1_500, "a", 3), at(1, 1_500, "b", 8)], [], 4),
  ]);
  const rows = output.outputs[0]!;
  assert.ok(rows.kind === "groups");
  assert.deepEqual(rows.keyTypes, { sensor: "text" });
  const lines = linesOf(rows).map((line) => line.split("\t").slice(2).join(" "));
  assert.deepEqual(lines, ["a 3 6 3", "a 1 4 1", "b 1 8 1"]);
  assert.deepEqual(output.slices.map((each) => each.eventTime), [2_000, 1_500]);
});

Deno.test("keys and numbers that cannot be aggregated are the record's fault", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r): { name: string } => ({ name: (r.sensor === "none" ? undefined : r.sensor) as string }),
        compute: { mean: avg((r) => r.sensor === "nan" ? NaN : r.celsius) },
      })).to(postgresTable("n")),
    ],
  });
  const sensors = ["a", "none", "nan", "x".repeat(5_000), "nul\0", "界".repeat(950)];
  const output = run(plan, [slice(sensors.map((sensor, i) => record(i, { sensor, celsius: 1 })))]);
  assert.equal(output.slices[0]!.counts.deadLettered, 5);
  assert.deepEqual(linesOf(output.outputs[0]!), ["a\t1\t1"]);
  const errors = deadLettersOf(output).map(({ error }) => error);
  [/key name is missing/, /finite number, got NaN/, /5001 bytes/, /NUL/, /2851 bytes/].forEach((
    expected,
    i,
  ) => assert.match(errors[i]!, expected));
});

Deno.test("a key whose type is not the table's is the record's fault, whatever came first", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        by: (r): { code: string | number } => ({ code: r.celsius > 0 ? r.celsius : r.sensor }),
        compute: { n: count() },
      })).to(postgresTable("n")),
    ],
  });
  const records = () => [record(0, { sensor: "x", celsius: 5 }), record(1, { sensor: "x", celsius: -5 })];
  const inferred = run(plan, [slice(records())]);
  assert.deepEqual(linesOf(inferred.outputs[0]!), ["5\t1"]);
  const given = run(plan, [slice(records())], [{ code: "text" }]);
  assert.deepEqual(linesOf(given.outputs[0]!), ["x\t1"]);
  assert.equal(given.slices[0]!.counts.deadLettered, 1);
  const rows = given.outputs[0]!;
  assert.ok(rows.kind === "groups");
  assert.deepEqual([[...rows.sources], [...rows.groups]], [[1], [0]]);
});
