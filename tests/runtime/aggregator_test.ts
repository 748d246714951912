import assert from "node:assert/strict";
import {
  aggregate,
  avg,
  count,
  type GroupKey,
  kafka,
  map,
  pipeline,
  postgresTable,
  sum,
  text,
  tumbling,
} from "weir";
import { deadLettersOf, linesOf, runPlan } from "../support/plan_run.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
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

/** Groups by a part of JSON that no schema has checked. */
const byParts = pipeline("p", {
  source: kafka("readings", { group: "g", codec: text() }),
  outputs: (s) => [
    s.pipe(
      map((line): { by: GroupKey; n: number } => JSON.parse(line)),
      aggregate({ by: ({ by }) => by, window: tumbling("1h"), compute: { total: sum(({ n }) => n) } }),
    ).to(postgresTable("n")),
  ],
});

function groupsOf(values: readonly unknown[]) {
  const { lines: [lines], deadLetters } = runPlan(byParts, values);
  return {
    groups: lines!.map((line) => line.split("\t").slice(2).join(" ")),
    reasons: deadLetters.map(({ error }) => error),
  };
}

Deno.test("a key that is no value of a column is its record's fault, first or not", () => {
  const odd = [{}, [], { a: 1 }, [1], null];
  const by = (active: unknown) => ({ by: { active }, n: 1 });
  for (const value of odd) {
    for (const values of [[by(value), by(true)], [by(true), by(value)]]) {
      const { groups, reasons } = groupsOf(values);
      assert.deepEqual(groups, ["t 1"], JSON.stringify(values));
      assert.equal(reasons.length, 1);
      const expected = value === null
        ? "the group's key active is missing"
        : "the group's key active should be text, a number, a bigint, or true or false, is " +
          JSON.stringify(value);
      assert.equal(reasons[0], expected);
    }
  }
  const { groups, reasons } = groupsOf([{ by: { a: true, b: true }, n: 1 }, {
    by: { a: true, b: null },
    n: 1,
  }]);
  assert.deepEqual([groups, reasons], [["t t 1"], ["the group's key b is missing"]]);
});

Deno.test("a key that is no object is its record's fault", () => {
  const { groups, reasons } = groupsOf([{ n: 1 }, { by: null, n: 1 }, { by: "a", n: 1 }, { by: {}, n: 1 }]);
  assert.deepEqual(groups, ["1"]);
  assert.deepEqual(
    reasons,
    ["undefined", "null", '"a"'].map((key) =>
      `the group's key is ${key}; "by" must give an object, as in { sensor: "a" }`
    ),
  );
});

Deno.test("a date cannot be a key", () => {
  const plan = pipeline("p", {
    source,
    outputs: (s) => [
      s.pipe(aggregate({
        // @ts-expect-error: as a program without types may have it
        by: (): GroupKey => ({ day: new Date(0) }),
        compute: { n: count() },
      })).to(postgresTable("n")),
    ],
  });
  const [failure] = deadLettersOf(run(plan, [slice([record(0, { sensor: "a", celsius: 1 })])]));
  assert.match(failure!.error, /key day should be text, .*, is "1970-01-01T00:00:00.000Z"/);
});

Deno.test("a record that is refused, or late, decides no key's type", () => {
  const { groups, reasons } = groupsOf([{ by: { k: 7 }, n: null }, { by: { k: "a" }, n: 1 }]);
  assert.deepEqual([groups, reasons], [["a 1"], ['sum "total": needs a finite number, got null']]);
  const plan = pipeline("p", {
    source: kafka("lines", { group: "g", codec: text(), lateness: "1s" }),
    outputs: (s) => [
      s.pipe(aggregate({
        by: (line): { k: string | number } => ({ k: line === "7" ? 7 : line }),
        window: tumbling("1s"),
        compute: { n: count() },
      })).to(postgresTable("n")),
      s.pipe(map((line) => ({ line }))).to(
        postgresTable("lines", { columns: { line: "text" }, key: ["line"] }),
      ),
    ],
  });
  const utf8 = new TextEncoder();
  const executor = new PlanExecutor(plan);
  executor.assign(freshCheckpoint({ partition: 3, watermark: 10_000 }));
  const records = [["7", 0], ["a", 20_000]] as const;
  const output = executor.process({
    pipeline: "p",
    slices: [slice(records.map(([line, timestamp], i) => record(i, utf8.encode(line), { timestamp })))],
    keyTypes: [],
  });
  assert.equal(output.slices[0]!.counts.late, 1);
  const rows = output.outputs[0]!;
  assert.ok(rows.kind === "groups");
  assert.deepEqual([rows.keyTypes, rows.chunk.count, deadLettersOf(output)], [{ k: "text" }, 1, []]);
});
