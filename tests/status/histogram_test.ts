import assert from "node:assert/strict";
import { Histogram } from "../../src/status/histogram.ts";
import { RollingHistogram } from "../../src/status/rolling_histogram.ts";

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 4294967296;
  };
}

function nearestRank(sorted: readonly number[], p: number): number {
  return sorted[Math.max(1, Math.ceil(p / 100 * sorted.length)) - 1]!;
}

function assertClose(actual: number | null, expected: number, what: string): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= 0.016 * expected,
    `${what}: ${actual}, not ${expected}`,
  );
}

const percentiles = [0, 1, 25, 50, 90, 95, 99, 99.9, 100];
const shapes: Record<string, (random: () => number) => number> = {
  "even": (random) => 1 + random() * 1_000,
  "over the whole range": (random) => 0.01 * 10 ** (random() * 9),
  "with a long tail": (random) => 2 / (1 - random() * 0.9999),
};

for (const [shape, draw] of Object.entries(shapes)) {
  Deno.test(`percentiles of values ${shape} are within 1.6% of a sorted array's`, () => {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed);
      const values = Array.from({ length: 5_000 }, () => draw(random));
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = values.sort((a, b) => a - b);
      for (const p of percentiles) {
        assertClose(histogram.percentile(p), nearestRank(sorted, p), `seed ${seed}, p${p}`);
      }
    }
  });
}

Deno.test("an empty histogram has no percentiles", () => {
  assert.equal(new Histogram().percentile(50), null);
});

Deno.test("values outside the range count as the nearer end", () => {
  for (const value of [-5, 0, 0.001, NaN]) {
    const histogram = new Histogram();
    histogram.record(value);
    assertClose(histogram.percentile(50), 0.01, String(value));
  }
  for (const value of [1e7, 1e12, Infinity]) {
    const histogram = new Histogram();
    histogram.record(value);
    assertClose(histogram.percentile(50), 1e7, String(value));
  }
});

Deno.test("recording a value many times is recording it often", () => {
  const histogram = new Histogram();
  histogram.record(1, 99);
  histogram.record(500, 2);
  assert.equal(histogram.count, 101);
  assertClose(histogram.percentile(98), 1, "p98");
  assertClose(histogram.percentile(99), 500, "p99");
});

Deno.test("a merged histogram is that of all values", () => {
  const random = seeded(7);
  const [left, right, all] = [new Histogram(), new Histogram(), new Histogram()];
  for (let at = 0; at < 2_000; at++) {
    const value = random() * 100;
    (at % 3 === 0 ? left : right).record(value);
    all.record(value);
  }
  left.merge(right);
  assert.equal(left.count, all.count);
  for (const p of percentiles) assert.equal(left.percentile(p), all.percentile(p));
});

Deno.test("a cleared histogram is empty", () => {
  const histogram = new Histogram();
  histogram.record(3);
  histogram.clear();
  assert.equal(histogram.count, 0);
  assert.equal(histogram.percentile(50), null);
});

Deno.test("the rolling histogram keeps the last minute and forgets what is older than 70 seconds", () => {
  const rolling = new RollingHistogram();
  const start = Date.UTC(2026, 0, 1);
  for (let second = 0; second < 200; second++) rolling.record(second + 1, start + second * 1_000);
  const now = start + 199_000;
  const snapshot = rolling.snapshot(now);
  assert.ok(snapshot.count >= 60 && snapshot.count <= 70, `${snapshot.count} values`);
  const oldest = snapshot.percentile(0)!;
  assert.ok(oldest > 128 && oldest < 143, `the oldest is ${oldest}`);
  assertClose(snapshot.percentile(100), 200, "newest");
});

Deno.test("the rolling histogram is empty after a minute without values", () => {
  const rolling = new RollingHistogram();
  rolling.record(5, 1_000, 10);
  assert.equal(rolling.snapshot(61_000).count, 10);
  assert.equal(rolling.snapshot(80_000).count, 0);
  rolling.record(6, 1e12);
  assert.equal(rolling.snapshot(1e12).count, 1);
});

Deno.test("a clock that goes back a little loses nothing", () => {
  const rolling = new RollingHistogram();
  rolling.record(5, 20_500);
  rolling.record(6, 19_900);
  assert.equal(rolling.snapshot(19_000).count, 2);
});
