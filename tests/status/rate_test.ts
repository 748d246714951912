import assert from "node:assert/strict";
import { Rate } from "../../src/status/rate.ts";

/** Feeds a counter that rises by `perSecond` from second to second. */
function feed(rate: Rate, from: number, to: number, perSecond: number, total: number): number {
  for (let second = from; second <= to; second++) rate.observe(total += perSecond, second * 1_000);
  return total;
}

Deno.test("there is no rate before two observations", () => {
  const rate = new Rate();
  assert.equal(rate.perSecond(0), 0);
  rate.observe(500, 1_000);
  assert.equal(rate.perSecond(1_000), 0);
});

Deno.test("a steady counter has its own rate", () => {
  const rate = new Rate();
  feed(rate, 0, 60, 500, 0);
  assert.equal(rate.perSecond(60_000), 500);
});

Deno.test("the rate at the start is over the time there is", () => {
  const rate = new Rate();
  rate.observe(0, 0);
  rate.observe(300, 2_000);
  assert.equal(rate.perSecond(2_000), 150);
});

Deno.test("a change is in full after the span, and half in half of it", () => {
  const rate = new Rate();
  const total = feed(rate, 0, 30, 100, 0);
  feed(rate, 31, 35, 300, total);
  assert.equal(rate.perSecond(35_000), 200);
  feed(rate, 36, 40, 300, total + 1_500);
  assert.equal(rate.perSecond(40_000), 300);
});

Deno.test("the rate falls to 0 when the counter stands still", () => {
  const rate = new Rate();
  const total = feed(rate, 0, 30, 100, 0);
  feed(rate, 31, 41, 0, total);
  assert.equal(rate.perSecond(41_000), 0);
});

Deno.test("the rate falls when nothing is observed any more", () => {
  const rate = new Rate();
  feed(rate, 0, 30, 100, 0);
  assert.equal(rate.perSecond(35_000), 50);
  assert.equal(rate.perSecond(60_000), 0);
});

Deno.test("observing often changes nothing", () => {
  const rate = new Rate();
  for (let time = 0; time <= 30_000; time += 7) rate.observe(time * 2, time);
  assert.ok(Math.abs(rate.perSecond(30_000) - 2_000) < 5, `${rate.perSecond(30_000)}`);
});

Deno.test("a counter that was reset starts anew", () => {
  const rate = new Rate();
  feed(rate, 0, 30, 100, 0);
  rate.observe(0, 31_000);
  rate.observe(50, 32_000);
  assert.equal(rate.perSecond(32_000), 50);
});
