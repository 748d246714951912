import assert from "node:assert/strict";
import { median, medians, percentile, ratio, slope } from "../../bench/medians.ts";

Deno.test("a median is the middle one, or the mean of the two in the middle", () => {
  assert.equal(median([10, 9, 100]), 10);
  assert.equal(median([4, 1, 2, 10]), 3);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("medians are taken figure by figure, of the runs that have it", () => {
  const runs = [{ rate: 3, memory: 5 }, { rate: 1, memory: NaN }, { rate: 2 }];
  assert.deepEqual(medians(runs), { rate: 2, memory: 5 });
});

Deno.test("a ratio is the median of the runs' own ratios, not the ratio of the medians", () => {
  const of = [{ rate: 10 }, { rate: 30 }, { rate: 50 }];
  const to = [{ rate: 20 }, { rate: 10 }, { rate: 50 }];
  assert.equal(ratio(of, to, "rate"), 1);
  assert.ok(Number.isNaN(ratio(of, [], "rate")), "nothing to compare with");
});

Deno.test("a percentile is the nearest rank", () => {
  const numbers = [4, 2, 1, 3];
  assert.equal(percentile(numbers, 50), 2);
  assert.equal(percentile(numbers, 99), 4);
  assert.equal(percentile(numbers, 0), 1);
  assert.ok(Number.isNaN(percentile([], 50)));
});

Deno.test("a slope is that of the line by least squares", () => {
  assert.equal(slope([[0, 1], [1, 3], [2, 5]]), 2);
  assert.equal(slope([[0, 5], [1, 5], [2, 5]]), 0);
  assert.equal(slope([[0, 0], [1, 2], [2, 2]]), 1);
  assert.ok(Number.isNaN(slope([[1, 1]])));
});
