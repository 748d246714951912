import assert from "node:assert/strict";
import {
  type Aggregate,
  aggregate,
  type AggregateSpec,
  avg,
  count,
  max,
  min,
  sum,
} from "../../src/operators/aggregate.ts";
import type { Operator, RecordContext } from "../../src/operators/mod.ts";
import { tumbling } from "../../src/operators/window.ts";
import { isAggregate } from "../../src/pipeline.ts";

const record: RecordContext = { topic: "t", partition: 0, offset: 7, timestamp: 1_000, eventTime: 1_000 };

const merges = {
  sum: (a: number, b: number) => a + b,
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
};

function specOf(operator: Operator<never, unknown>): AggregateSpec<never> {
  assert.ok(isAggregate(operator));
  return operator.spec;
}

/** What is kept for a group after these values, accumulator by accumulator. */
function accumulate<I>(of: Aggregate<I, unknown>, values: readonly I[]): number[] {
  const measures = values.map((value) => of.measure(value, record));
  return of.accumulators.map(({ merge }, i) => measures.map((each) => each[i]!).reduce(merges[merge]));
}

Deno.test("each aggregate keeps what its result is made of", () => {
  const self = (n: number) => n;
  const values = [4, -2, 7, 0.5];
  assert.deepEqual(accumulate(count(), values), [4]);
  assert.deepEqual(accumulate(sum(self), values), [9.5]);
  assert.deepEqual(accumulate(min(self), values), [-2]);
  assert.deepEqual(accumulate(max(self), values), [7]);
  assert.deepEqual(accumulate(avg(self), values), [9.5, 4]);
});

Deno.test("what is kept merges to the same in any parts", () => {
  const self = (n: number) => n;
  const [left, right] = [[5, 1, 8], [3, 9]];
  for (const each of [count(), sum(self), min(self), max(self), avg(self)] as Aggregate<number, unknown>[]) {
    const parts = each.accumulators.map(({ merge }, i) =>
      merges[merge](accumulate(each, left)[i]!, accumulate(each, right)[i]!)
    );
    assert.deepEqual(parts, accumulate(each, [...left, ...right]), each.kind);
  }
});

Deno.test("an average is made of its sum and count; the others are their own result", () => {
  const self = (n: number) => n;
  assert.deepEqual(avg(self).accumulators.map(({ suffix, type }) => [suffix, type]), [["_sum", "double"], [
    "_count",
    "bigint",
  ]]);
  assert.equal(avg(self).result, "$0 / $1");
  for (const each of [count(), sum(self), min(self), max(self)]) {
    assert.equal(each.result, undefined);
    assert.equal(each.accumulators[0]!.suffix, "");
  }
});

Deno.test("what is measured may depend on where the record came from", () => {
  assert.deepEqual(sum((_: string, from) => from.offset).measure("x", record), [7]);
});

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
      message: 'aggregate(): the result "most" is max; give count(), sum(...) or another',
    },
  );
});
