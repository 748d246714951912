import assert from "node:assert/strict";
import { groupByKey, json, kafka, pipeline, postgresTable, session } from "weir";
import { aggregateOf } from "../../src/pipeline.ts";
import { runPlan } from "../support/plan_run.ts";

const schema = {
  type: "record",
  name: "Click",
  fields: [{ name: "visitor", type: "string" }, { name: "page", type: "string" }, {
    name: "at",
    type: "int",
  }],
} as const;
const click = (visitor: string, page: string, at: number) => ({ visitor, page, at });

function planOf(window?: ReturnType<typeof session>) {
  return pipeline("p", {
    source: kafka("clicks", { group: "g", codec: json(schema), eventTime: ({ at }) => at }),
    outputs: (stream) => [
      stream.pipe(groupByKey({
        by: ({ visitor }) => ({ visitor }),
        value: ({ page }) => page === "bad" ? NaN : page,
        ...(window && { window }),
      })).to(postgresTable("visits")),
    ],
  });
}

function resultsOf(plan: ReturnType<typeof planOf>, lines: readonly string[], state: number): unknown[] {
  const { values } = aggregateOf(plan, plan.outputs[0]!)!.spec.compute;
  return lines.map((line) => JSON.parse(values!.folded!.result(JSON.parse(line.split("\t")[state]!)[0])!));
}

Deno.test("groupByKey lists the values of each key in the order of their event times", () => {
  const plan = planOf();
  const { lines } = runPlan(plan, [
    click("a", "y", 20),
    click("b", "z", 5),
    click("a", "x", 10),
    click("a", "w", 20),
  ]);
  assert.deepEqual(resultsOf(plan, lines[0]!, 1), [["x", "y", "w"], ["z"]]);
});

Deno.test("each window has its own list", () => {
  const plan = planOf(session("1s"));
  const { lines } = runPlan(plan, [click("a", "x", 0), click("a", "y", 5_000), click("a", "w", 5_500)]);
  assert.deepEqual(resultsOf(plan, lines[0]!, 3), [["x"], ["y", "w"]]);
});

Deno.test("a value that JSON cannot hold is a dead letter that names groupByKey", () => {
  const { deadLetters } = runPlan(planOf(), [click("a", "bad", 0)]);
  assert.deepEqual(deadLetters.map(({ error }) => error), [
    'groupByKey "values": the state[0][3] (NaN) cannot be kept: it must be what JSON can hold',
  ]);
});

Deno.test("an option that is not known is refused", () => {
  const options = { by: () => ({ a: 1 }), value: () => 1, sort: true };
  assert.throws(() => groupByKey(options), {
    name: "TypeError",
    message: 'groupByKey(): there is no option "sort"; there are by, value, window, results',
  });
});
