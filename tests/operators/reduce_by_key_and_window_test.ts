import assert from "node:assert/strict";
import { json, kafka, pipeline, postgresTable, reduceByKeyAndWindow, sliding, tumbling } from "weir";
import { aggregateOf } from "../../src/pipeline.ts";
import { runPlan } from "../support/plan_run.ts";

const schema = {
  type: "record",
  name: "Sale",
  fields: [{ name: "shop", type: "string" }, { name: "cents", type: "int" }],
} as const;

Deno.test("reduceByKeyAndWindow makes one value of those of each key in each window, without the inverse", () => {
  const plan = pipeline("p", {
    source: kafka("sales", { group: "g", codec: json(schema) }),
    outputs: (stream) => [
      stream.pipe(reduceByKeyAndWindow({
        by: ({ shop }) => ({ shop }),
        value: ({ cents }) => cents,
        reduce: (a, b) => a + b,
        inverse: () => assert.fail("it is never called"),
        window: sliding("2s", "1s"),
        type: "int",
      })).to(postgresTable("sums")),
    ],
  });
  // A second apart from one another.
  const { lines } = runPlan(plan, [3, 5, 7].map((cents) => ({ shop: "a", cents })));
  const found = lines[0]!.map((line) => {
    const [start, , shop, state, result] = line.split("\t");
    return `${Date.parse(start!) / 1_000} ${shop} ${state} ${result}`;
  });
  assert.deepEqual(found.toSorted(), [
    "-1 a [[3]] \\N",
    "0 a [[8]] \\N",
    "1 a [[12]] \\N",
    "2 a [[7]] \\N",
  ]);
});

Deno.test("results may be final", () => {
  const plan = pipeline("p", {
    source: kafka("sales", { group: "g", codec: json(schema), lateness: "1m" }),
    outputs: (stream) => [
      stream.pipe(reduceByKeyAndWindow({
        by: ({ shop }) => ({ shop }),
        value: ({ cents }) => ({ cents }),
        reduce: (a, b) => ({ cents: a.cents + b.cents }),
        window: tumbling("1m"),
        results: "final",
      })).to(postgresTable("sums")),
    ],
  });
  assert.equal(aggregateOf(plan, plan.outputs[0]!)!.spec.results, "final");
});

Deno.test("a window that is missing is refused", () => {
  const options = { by: () => ({ a: 1 }), value: () => 1, reduce: (a: number) => a };
  assert.throws(
    () => reduceByKeyAndWindow(options as unknown as Parameters<typeof reduceByKeyAndWindow>[0]),
    {
      name: "TypeError",
      message: 'reduceByKeyAndWindow(): there is no "window"; give one, as in sliding("30s", "10s")',
    },
  );
});
