import assert from "node:assert/strict";
import { aggregate, type AggregateSpec } from "../../src/operators/aggregate.ts";
import { count } from "../../src/operators/aggregates.ts";
import type { Operator } from "../../src/operators/mod.ts";
import { tumbling } from "../../src/operators/window.ts";
import { isAggregate } from "../../src/pipeline.ts";

function specOf(operator: Operator<never, unknown>): AggregateSpec<never> {
  assert.ok(isAggregate(operator));
  return operator.spec;
}

Deno.test("the operator holds its grouping, window and results", () => {
  const by = (reading: { sensor: string }) => ({ sensor: reading.sensor });
  const compute = { readings: count() };
  const spec = specOf(aggregate({ by, window: tumbling("1m"), compute }));
  assert.deepEqual(spec.window, tumbling("1m"));
  assert.equal(spec.by, by);
  assert.equal(spec.compute, compute);
  assert.ok(!("window" in specOf(aggregate({ by, compute }))));
});

Deno.test("results that cannot be and options that are not known are refused", () => {
  const by = () => ({ a: 1 });
  const compute = { n: count() };
  const refused: [object, RegExp][] = [
    [{ by, compute, results: "final" }, /without a window a result is never final; give a window/],
    [{ by, compute, results: "last" }, /"results" is "last"; give "updates" or "final"/],
    [{ by, compute, windows: 1 }, /no option "windows"; there are by, window, compute, results/],
  ];
  for (const [options, message] of refused) {
    assert.throws(() => aggregate(options as Parameters<typeof aggregate>[0]), {
      name: "TypeError",
      message,
    });
  }
  assert.equal(specOf(aggregate({ by, compute })).results, "updates");
  assert.equal(specOf(aggregate({ by, compute, window: tumbling("1m"), results: "final" })).results, "final");
});

Deno.test("an aggregate of nothing is refused", () => {
  assert.throws(() => aggregate({ by: () => ({}), compute: {} }), {
    name: "TypeError",
    message: /"compute" is empty; give at least one result/,
  });
});

Deno.test("a result that is no aggregate is refused by its name", () => {
  const compute = { all: count(), most: "max" };
  assert.throws(
    () => aggregate({ by: () => ({}), compute: compute as unknown as { all: ReturnType<typeof count> } }),
    {
      name: "TypeError",
      message: 'aggregate(): the result "most" is "max"; give count(), sum(...) or another',
    },
  );
});
