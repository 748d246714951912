import assert from "node:assert/strict";
import { stddev } from "weir";
import type { Moments } from "../../src/merge.ts";
import { accumulated, mergeOf } from "../support/accumulated.ts";
import { aggregated, type Measured, parted } from "../support/aggregated.ts";
import { record } from "../support/applied.ts";
import { Seeded } from "../support/seeded.ts";

const compute = { spread: stddev(({ n }: Measured) => n) };

Deno.test("a standard deviation keeps its digits where a sum of squares would lose them", () => {
  const random = new Seeded(7);
  const values = Array.from({ length: 500 }, () => 1e9 + random.fraction());
  const mean = values.reduce((sum, n) => sum + (n - 1e9), 0) / values.length;
  const squares = values.reduce((sum, n) => sum + (n - 1e9 - mean) ** 2, 0);
  const self = (n: number) => n;
  const [left, right] = [values.slice(0, 123), values.slice(123)].map((part) =>
    accumulated(stddev(self), part)[0]
  );
  for (
    const [n, , found] of [
      accumulated(stddev(self), values)[0],
      mergeOf(stddev(self), 0)(left, right),
    ] as Moments[]
  ) {
    assert.equal(n, 500);
    assert.ok(Math.abs(found / squares - 1) < 1e-6, `${found} is not ${squares}`);
  }
});

Deno.test("a standard deviation is that of a sample, however its records come", async () => {
  const random = new Seeded(12);
  for (let i = 0; i < 10; i++) {
    const numbers = Array.from({ length: random.integer(2, 40) }, () => random.fraction() * 200 - 100);
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    const expected = Math.sqrt(numbers.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (numbers.length - 1));
    const records = numbers.map((n) => ({ n, partition: random.integer(0, 2) }));
    const { results } = await aggregated(
      compute,
      ...parted(records, random.integer(0, 10), random.integer(0, 10)),
    );
    const { spread } = results as { spread: number };
    assert.ok(Math.abs(spread / expected - 1) < 1e-12, `${spread} is not ${expected}`);
  }
});

Deno.test("one record has no standard deviation, and equal ones have none between them", async () => {
  assert.deepEqual((await aggregated(compute, [{ n: 3 }])).results, { spread: null });
  assert.deepEqual((await aggregated(compute, [{ n: 3 }], [{ n: 3, partition: 1 }])).results, { spread: 0 });
});

Deno.test("a number that is not finite is refused", () => {
  for (const bad of [NaN, Infinity, "1", undefined]) {
    assert.throws(() => stddev(() => bad as number).measure({}, record), {
      name: "TypeError",
      message: /^needs a finite number, got /,
    });
  }
});

Deno.test("the largest numbers that are taken have finite moments, and larger ones are refused", () => {
  const self = (value: number) => value;
  const many = Array.from({ length: 5_000 }, (_, i) => i % 3 === 0 ? -1e145 : 1e145);
  const [moments] = accumulated(stddev(self), many) as [Moments];
  assert.ok(moments.every(Number.isFinite), `${moments}`);
  assert.throws(
    () => stddev(self).measure(1e146, record),
    /needs a number from -1e\+145 to 1e\+145, got 1e\+146/,
  );
});
