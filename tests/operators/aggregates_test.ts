import assert from "node:assert/strict";
import { type Aggregate, avg, count, max, min, sum } from "weir";
import { accumulated, mergeOf } from "../support/accumulated.ts";
import { aggregated, type Measured, parted } from "../support/aggregated.ts";
import { record } from "../support/applied.ts";
import { Seeded } from "../support/seeded.ts";

const of = ({ n }: Measured) => n;
const compute = { records: count(), total: sum(of), smallest: min(of), largest: max(of), mean: avg(of) };

Deno.test("each aggregate keeps what its result is made of", () => {
  const self = (n: number) => n;
  const values = [4, -2, 7, 0.5];
  assert.deepEqual(accumulated(count(), values), [4]);
  assert.deepEqual(accumulated(sum(self), values), [9.5]);
  assert.deepEqual(accumulated(min(self), values), [-2]);
  assert.deepEqual(accumulated(max(self), values), [7]);
  assert.deepEqual(accumulated(avg(self), values), [9.5, 4]);
});

Deno.test("what is kept merges to the same in any parts", () => {
  const self = (n: number) => n;
  const [left, right] = [[5, 1, 8], [3, 9]];
  for (const each of [count(), sum(self), min(self), max(self), avg(self)] as Aggregate<number, unknown>[]) {
    const parts = each.accumulators.map((_, i) =>
      mergeOf(each, i)(accumulated(each, left)[i], accumulated(each, right)[i])
    );
    assert.deepEqual(parts, accumulated(each, [...left, ...right]), each.kind);
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

Deno.test("what is measured may depend on where the record came from", () => {
  assert.deepEqual(sum((_: string, from) => from.offset).measure("x", record), [record.offset]);
});

Deno.test("counts, sums, extremes and means are those of all records, however these come", async () => {
  const random = new Seeded(11);
  for (let i = 0; i < 10; i++) {
    // Quarters add up without rounding, in any order.
    const numbers = Array.from({ length: random.integer(1, 40) }, () => random.integer(-4_000, 4_000) / 4);
    const records = numbers.map((n) => ({ n, partition: random.integer(0, 2) }));
    const parts = parted(records, random.integer(0, 10), random.integer(0, 10));
    const { results, reasons } = await aggregated(compute, ...parts);
    const total = numbers.reduce((a, b) => a + b);
    assert.deepEqual(reasons, []);
    assert.deepEqual(results, {
      records: BigInt(numbers.length),
      total,
      smallest: Math.min(...numbers),
      largest: Math.max(...numbers),
      mean: total / numbers.length,
    });
  }
});

Deno.test("a number that is not finite is refused, and its record counts in no result", async () => {
  const root = (measured: Measured) => Math.sqrt(of(measured));
  for (
    const [kind, aggregate] of Object.entries({
      sum: sum(root),
      min: min(root),
      max: max(root),
      avg: avg(root),
    })
  ) {
    const { results, reasons } = await aggregated(
      { records: count(), result: aggregate },
      [{ n: 4 }, { n: -1 }],
      [{ n: 4 }],
    );
    assert.deepEqual(results, { records: 2n, result: kind === "sum" ? 4 : 2 });
    assert.deepEqual(reasons, [`${kind} "result": needs a finite number, got NaN`]);
  }
  for (const bad of [NaN, Infinity, -Infinity, 1n, "1", null, undefined]) {
    for (const aggregate of [sum, min, max, avg]) {
      assert.throws(() => aggregate(() => bad as number).measure({}, record), {
        name: "TypeError",
        message: /^needs a finite number, got /,
      });
    }
  }
});

Deno.test("the largest numbers that are taken add up to finite results, and larger ones are refused", () => {
  const self = (value: number) => value;
  for (const value of [1e290, -1e290]) {
    const many = Array.from({ length: 5_000 }, (_, i) => i % 3 === 0 ? -value : value);
    assert.ok(Number.isFinite(accumulated(sum(self), many)[0]));
    assert.ok(Number.isFinite(accumulated(avg(self), many)[0]));
  }
  assert.deepEqual(accumulated(max(self), [1e308, Number.MAX_VALUE]), [Number.MAX_VALUE]);
  for (const aggregate of [sum(self), avg(self)]) {
    assert.throws(() => aggregate.measure(1e291, record), {
      name: "TypeError",
      message: "needs a number from -1e+290 to 1e+290, got 1e+291",
    });
    assert.throws(() => aggregate.measure(-1e308, record), /from -1e\+290 to 1e\+290, got -1e\+308/);
  }
});
