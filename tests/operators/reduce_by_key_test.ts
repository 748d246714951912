import assert from "node:assert/strict";
import { json, kafka, pipeline, postgresTable, reduceByKey } from "weir";
import { aggregateOf } from "../../src/pipeline.ts";
import { runPlan } from "../support/plan_run.ts";

const schema = {
  type: "record",
  name: "Sale",
  fields: [{ name: "shop", type: "string" }, { name: "cents", type: ["int", "string"] }],
} as const;
const sale = (shop: string, cents: number | string) => ({ shop, cents });

const plan = pipeline("p", {
  source: kafka("sales", { group: "g", codec: json(schema) }),
  outputs: (stream) => [
    stream.pipe(reduceByKey({
      by: ({ shop }) => ({ shop }),
      value: ({ cents }) => Number(cents),
      reduce: (a, b) => Math.max(a, b),
      type: "double",
    })).to(postgresTable("largest")),
  ],
});

Deno.test("reduceByKey makes one value of those of each key", () => {
  const { lines, deadLetters } = runPlan(plan, [sale("a", 3), sale("b", 5), sale("a", 7), sale("a", 1)]);
  assert.deepEqual(deadLetters, []);
  assert.deepEqual(lines, [["a\t[[7]]\t\\N", "b\t[[5]]\t\\N"]]);
  const { compute, window } = aggregateOf(plan, plan.outputs[0]!)!.spec;
  assert.equal(compute.value!.folded!.result([7]), "7");
  assert.equal(window, undefined);
});

Deno.test("a value that cannot be kept is a dead letter that names reduceByKey", () => {
  const { lines, deadLetters } = runPlan(plan, [sale("a", 3), sale("a", "x")]);
  assert.deepEqual(lines, [["a\t[[3]]\t\\N"]]);
  assert.deepEqual(deadLetters.map(({ error }) => error), [
    'reduceByKey "value": the state[0] (NaN) cannot be kept: it must be what JSON can hold',
  ]);
});

Deno.test("options that are not known, and types that values cannot have, are refused", () => {
  const options = { by: () => ({ a: 1 }), value: () => 1, reduce: (a: number) => a };
  assert.throws(() => reduceByKey({ ...options, window: 1 } as typeof options), {
    name: "TypeError",
    message: 'reduceByKey(): there is no option "window"; there are by, value, reduce, type',
  });
  assert.throws(() => reduceByKey({ ...options, type: "bigint" as "double" }), {
    name: "TypeError",
    message: 'reduceByKey(): "type" is "bigint"; give one of json, text, int, double, boolean',
  });
});
