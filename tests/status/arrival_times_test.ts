import assert from "node:assert/strict";
import { ArrivalTimes } from "../../src/status/arrival_times.ts";

Deno.test("a record came between the samples around it", () => {
  const times = new ArrivalTimes();
  times.observe(0, 0);
  times.observe(10, 1_000);
  times.observe(30, 2_000);
  assert.equal(times.arrival(0), 100);
  assert.equal(times.arrival(9), 1_000);
  assert.equal(times.arrival(19), 1_500);
});

Deno.test("a record after a still stretch came at its end", () => {
  const times = new ArrivalTimes();
  for (let second = 0; second <= 1_000; second++) times.observe(5, second * 1_000);
  times.observe(6, 1_001_000);
  assert.equal(times.arrival(5), 1_001_000);
});

Deno.test("what was there at first and what has not come are not known", () => {
  const times = new ArrivalTimes();
  assert.equal(times.arrival(0), null);
  times.observe(10, 0);
  times.observe(20, 1_000);
  assert.equal(times.arrival(9), null);
  assert.equal(times.arrival(20), null);
  assert.equal(times.arrival(10), 100);
});

Deno.test("a day of lag is still known, to within some minutes", () => {
  const times = new ArrivalTimes();
  const day = 86_400;
  for (let second = 0; second <= day; second++) {
    times.observe(second * 10, second * 1_000);
    times.forgetBefore(100);
  }
  assert.ok(Math.abs(times.arrival(100)! - 10_100) < 1, `${times.arrival(100)}`);
  const late = times.arrival(day * 10 - 100)!;
  assert.ok(Math.abs(late - (day - 10) * 1_000) < 200, `${late}`);
});

Deno.test("what was forgotten is not known", () => {
  const times = new ArrivalTimes();
  for (let second = 0; second < 10; second++) times.observe(second * 10, second * 1_000);
  times.forgetBefore(50);
  assert.equal(times.arrival(50), 5_100);
  assert.equal(times.arrival(20), null);
});

Deno.test("an end that goes back is another topic", () => {
  const times = new ArrivalTimes();
  times.observe(100, 0);
  times.observe(200, 1_000);
  times.observe(5, 2_000);
  times.observe(10, 3_000);
  assert.equal(times.arrival(150), null);
  assert.equal(times.arrival(9), 3_000);
});
