import assert from "node:assert/strict";
import { type Merge, merges } from "../../src/merge.ts";
import { type Aggregate, aggregate, type AggregateSpec } from "../../src/operators/aggregate.ts";
import { avg, count, max, min, stddev, sum } from "../../src/operators/aggregates.ts";
import { first, last } from "../../src/operators/first_last.ts";
import type { Moments } from "../../src/merge.ts";
import type { Operator, RecordContext } from "../../src/operators/mod.ts";
import { tumbling } from "../../src/operators/window.ts";
import { isAggregate } from "../../src/pipeline.ts";
import { Seeded } from "../support/seeded.ts";

const record: RecordContext = { topic: "t", partition: 0, offset: 7, timestamp: 1_000, eventTime: 1_000 };

function specOf(operator: Operator<never, unknown>): AggregateSpec<never> {
  assert.ok(isAggregate(operator));
  return operator.spec;
}

/** What is kept for a group after these values, accumulator by accumulator. */
function accumulate<I>(of: Aggregate<I, unknown>, values: readonly I[], at = record): unknown[] {
  const measures = values.map((value) => of.measure(value, at));
  return of.accumulators.map((_, i) => measures.map((each): unknown => each[i]).reduce(mergeOf(of, i)));
}

function mergeOf(of: Aggregate<never, unknown>, i: number): (held: unknown, brought: unknown) => unknown {
  return merges[of.accumulators[i]!.merge as Merge] as (held: unknown, brought: unknown) => unknown;
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
    const parts = each.accumulators.map((_, i) =>
      mergeOf(each, i)(accumulate(each, left)[i], accumulate(each, right)[i])
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
  assert.equal(avg(self).result?.expression, "$0 / $1");
  for (const each of [count(), sum(self), min(self), max(self)]) {
    assert.equal(each.result, undefined);
    assert.equal(each.accumulators[0]!.suffix, "");
  }
});

Deno.test("a standard deviation keeps its digits where a sum of squares would lose them", () => {
  const random = new Seeded(7);
  const values = Array.from({ length: 500 }, () => 1e9 + random.fraction());
  const mean = values.reduce((sum, n) => sum + (n - 1e9), 0) / values.length;
  const squares = values.reduce((sum, n) => sum + (n - 1e9 - mean) ** 2, 0);
  const self = (n: number) => n;
  const [left, right] = [values.slice(0, 123), values.slice(123)].map((part) =>
    accumulate(stddev(self), part)[0]
  );
  for (
    const [n, , found] of [
      accumulate(stddev(self), values)[0],
      mergeOf(stddev(self), 0)(left, right),
    ] as Moments[]
  ) {
    assert.equal(n, 500);
    assert.ok(Math.abs(found / squares - 1) < 1e-6, `${found} is not ${squares}`);
  }
});

Deno.test("first and last go by event time, then partition, then offset, and keep to the order within a record", () => {
  const self = (value: string) => value;
  const at = (eventTime: number, partition: number, offset: number, value: string) =>
    first("text", self).measure(value, { ...record, eventTime, partition, offset })[0];
  const inOrder = [at(1, 9, 9, "a"), at(2, 0, 5, "b"), at(2, 1, 3, "c"), at(2, 1, 4, "d")] as never[];
  for (const [i, early] of inOrder.entries()) {
    for (const late of inOrder.slice(i + 1)) {
      assert.equal(merges.first(early, late), early);
      assert.equal(merges.first(late, early), early);
      assert.equal(merges.last(early, late), late);
      assert.equal(merges.last(late, early), late);
    }
  }
  assert.deepEqual(accumulate(first("text", self), ["x", "y"]), [[1_000, 0, 7, "x"]]);
  assert.deepEqual(accumulate(last("text", self), ["x", "y"]), [[1_000, 0, 7, "y"]]);
});

Deno.test("the largest numbers that are taken add up to finite results", () => {
  const self = (value: number) => value;
  const many = (value: number) => Array.from({ length: 5_000 }, (_, i) => i % 3 === 0 ? -value : value);
  for (const value of [1e290, -1e290]) {
    assert.ok(Number.isFinite(accumulate(sum(self), many(value))[0]));
    assert.ok(Number.isFinite(accumulate(avg(self), many(value))[0]));
  }
  const [moments] = accumulate(stddev(self), many(1e145)) as [readonly number[]];
  assert.ok(moments.every(Number.isFinite), `${moments}`);
  assert.deepEqual(accumulate(max(self), [1e308, Number.MAX_VALUE]), [Number.MAX_VALUE]);
});

Deno.test("values that cannot be kept are refused", () => {
  const self = <T>(value: T) => value;
  const bad: [Aggregate<never, unknown>, unknown, RegExp][] = [
    [sum(self<number>), NaN, /needs a finite number, got NaN/],
    [stddev(self<number>), Infinity, /needs a finite number, got Infinity/],
    [sum(self<number>), 1n, /needs a finite number, got 1n/],
    [sum(self<number>), 1e291, /needs a number from -1e\+290 to 1e\+290, got 1e\+291/],
    [avg(self<number>), -1e308, /needs a number from -1e\+290 to 1e\+290, got -1e\+308/],
    [stddev(self<number>), 1e146, /needs a number from -1e\+145 to 1e\+145, got 1e\+146/],
    [first("text", self<string>), "a\0", /needs a value for a text column/],
    [first("int", self<number>), 1.5, /needs a value for a int column, got 1.5/],
    [last("bigint", self<bigint>), 2n ** 63n, /needs a value for a bigint column/],
    [last("double", self<number>), NaN, /needs a value for a double column, got NaN/],
    [last("boolean", self<boolean>), null, /needs a value for a boolean column, got null/],
    [last("timestamp", self<Date>), new Date(NaN), /needs a value for a timestamp column, got Invalid Date/],
  ];
  for (const [of, value, message] of bad) {
    assert.throws(() => of.measure(value as never, record), { name: "TypeError", message });
  }
  assert.throws(() => first("json" as "text", self<string>), {
    name: "TypeError",
    message: 'first("json"): give one of text, int, bigint, double, boolean, timestamp',
  });
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
      message: 'aggregate(): the result "most" is "max"; give count(), sum(...) or another',
    },
  );
});
