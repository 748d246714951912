import assert from "node:assert/strict";
import { lag, LagHistory, type LagHistoryOptions, type Observation } from "../../src/status/lag.ts";

Deno.test("lag is what is left after the committed offset", () => {
  assert.equal(lag(100, 40, 0), 60);
  assert.equal(lag(100, 100, 0), 0);
});

Deno.test("lag counts only what is still in the topic", () => {
  assert.equal(lag(100, 10, 70), 30);
  assert.equal(lag(100, null, 70), 30);
  assert.equal(lag(100, null, 0), 100);
});

Deno.test("lag is never negative", () => {
  assert.equal(lag(100, 120, 0), 0);
  assert.equal(lag(0, 120, 0), 0);
});

/** A history of [committed, end] pairs, one a minute from minute 0 on; every pair is a commit. */
function history(pairs: readonly (readonly [number, number])[], options: LagHistoryOptions = {}): LagHistory {
  const made = new LagHistory(options);
  pairs.forEach(([committed, end], at) =>
    made.observe({ start: 0, committed, end, hasCommitted: true }, minute(at))
  );
  return made;
}

const minute = (count: number) => count * 60_000;
const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const last = minute(9);

/** Only looks, without a commit. */
function look(on: LagHistory, seen: Omit<Observation, "start" | "hasCommitted">, now: number): void {
  on.observe({ start: 0, hasCommitted: false, ...seen }, now);
}

Deno.test("OK: no lag now, whatever was before", () => {
  const rising = ten.map((at) => [at, at * 10 + 5] as const);
  assert.equal(history([...rising.slice(0, 9), [100, 100]]).verdict(last), "OK");
});

Deno.test("OK: fewer commits than a full window", () => {
  const rising = ten.slice(0, 9).map((at) => [at, at * 10 + 5] as const);
  const short = history(rising);
  assert.equal(short.verdict(minute(1_000)), "OK");
  short.observe({ start: 0, committed: 10, end: 200 }, last);
  assert.equal(short.verdict(last), "WARN");
});

Deno.test("OK: nothing was seen yet", () => {
  assert.equal(new LagHistory().verdict(0), "OK");
  assert.equal(new LagHistory().lag, 0);
});

Deno.test("STOP: lag and no commit for longer than the window spans", () => {
  const stopped = history(ten.map((at) => [at * 10, at * 10 + 5]));
  assert.equal(stopped.verdict(minute(9 + 9)), "WARN");
  assert.equal(stopped.verdict(minute(9 + 9) + 1), "STOP");
});

Deno.test("STOP: a consumer that stops with no lag is found once new records have waited long enough", () => {
  const stopped = history(ten.map((at) => [at * 10, at * 10]));
  look(stopped, { committed: 90, end: 90 }, minute(100));
  look(stopped, { committed: 90, end: 91 }, minute(101));
  assert.equal(stopped.verdict(minute(101)), "OK", "a group that had nothing to read is not stopped");
  assert.equal(stopped.verdict(minute(110)), "OK");
  assert.equal(stopped.verdict(minute(110) + 1), "STOP");
});

Deno.test("STOP comes before REWIND", () => {
  const both = history([...ten.slice(0, 9).map((at) => [at * 10, 200] as const), [5, 200]]);
  assert.equal(both.verdict(last), "REWIND");
  assert.equal(both.verdict(minute(30)), "STOP");
});

Deno.test("REWIND: an offset went back and has not recovered", () => {
  const back = history(ten.map((at) => [at === 5 ? 0 : at < 5 ? 50 + at : at, 100]));
  assert.equal(back.verdict(last), "REWIND");
});

Deno.test("REWIND is over once the offset is where it had been", () => {
  const recovered = history(ten.map((at) => [at === 5 ? 20 : 30 + at * 5, 100 + at]));
  assert.notEqual(recovered.verdict(last), "REWIND");
});

Deno.test("REWIND comes before a lag of 0 in the window", () => {
  assert.equal(history(ten.map((at) => [at === 0 ? 100 : at, 100])).verdict(last), "REWIND");
});

Deno.test("OK: the lag was 0 at some commit in the window", () => {
  const pairs = ten.map((at) => [50, at === 0 ? 50 : 50 + at] as const);
  assert.equal(history(pairs).verdict(last), "OK");
  const slid = history([...pairs, [50, 61]]);
  assert.equal(slid.verdict(minute(10)), "STALL", "the commit without lag has left the window");
});

Deno.test("STALL: commits go on, all of the same offset", () => {
  assert.equal(history(ten.map(() => [50, 60])).verdict(last), "STALL");
});

Deno.test("WARN: the lag never falls", () => {
  assert.equal(history(ten.map((at) => [50 + at, 60 + at * 2])).verdict(last), "WARN");
  assert.equal(
    history(ten.map((at) => [50 + at, 60 + at])).verdict(last),
    "WARN",
    "a lag that stays the same",
  );
});

Deno.test("OK: the lag fell at least once", () => {
  assert.equal(history(ten.map((at) => [50 + at, at === 7 ? 62 : 60 + at * 2])).verdict(last), "OK");
});

Deno.test("a tiny lag that never falls is OK within the allowed lag, and WARN above it", () => {
  const tiny = ten.map((at) => [50 + at, 53 + at] as const);
  assert.equal(history(tiny).verdict(last), "WARN");
  assert.equal(history(tiny, { allowedLag: 3 }).verdict(last), "OK");
  assert.equal(history(tiny, { allowedLag: 2 }).verdict(last), "WARN");
});

Deno.test("the lag goes on rising after the consumer has stopped", () => {
  const stopped = history(ten.map((at) => [at * 10, at * 10 + 5]));
  assert.equal(stopped.lag, 5);
  look(stopped, { committed: 90, end: 5_000 }, minute(30));
  assert.equal(stopped.lag, 4_910);
  assert.equal(stopped.verdict(minute(30)), "STOP");
});

Deno.test("another committed offset is a commit, without being told", () => {
  const seen = new LagHistory();
  for (const at of ten) seen.observe({ start: 0, committed: at, end: 100 + at }, minute(at));
  assert.equal(seen.verdict(last), "WARN");
  assert.equal(seen.verdict(minute(19)), "STOP");
});

Deno.test("commits within the spacing are one, so a short pause after many is no stop", () => {
  const busy = new LagHistory();
  for (let at = 0; at < 100; at++) busy.observe({ start: 0, committed: at, end: 1_000 }, at * 5);
  assert.equal(busy.verdict(1_000), "OK");
  for (let at = 100; at < 3_000; at++) busy.observe({ start: 0, committed: at, end: 10_000 - at }, at * 5);
  assert.equal(busy.verdict(15_000 + 8_000), "OK");
  assert.equal(busy.verdict(15_000 + 10_000), "STOP");
});

Deno.test("a lag is as old as its oldest record", () => {
  const seen = new LagHistory();
  look(seen, { committed: 100, end: 100 }, 0);
  look(seen, { committed: 100, end: 100 }, 60_000);
  assert.equal(seen.lagSeconds(60_000), 0);
  look(seen, { committed: 100, end: 110 }, 61_000);
  assert.equal(seen.lagSeconds(71_000), 10.9);
  look(seen, { committed: 105, end: 110 }, 71_000);
  assert.equal(seen.lagSeconds(71_000), 10.4);
  look(seen, { committed: 110, end: 110 }, 72_000);
  assert.equal(seen.lagSeconds(72_000), 0);
});

Deno.test("the age of a lag from before the first observation is not known", () => {
  const seen = new LagHistory();
  look(seen, { committed: 50, end: 100 }, 0);
  look(seen, { committed: 60, end: 200 }, 1_000);
  assert.equal(seen.lagSeconds(2_000), null);
  look(seen, { committed: 100, end: 200 }, 2_000);
  assert.equal(seen.lagSeconds(2_000), 1.99);
});

Deno.test("records that retention took do not count for the age", () => {
  const seen = new LagHistory();
  look(seen, { committed: null, end: 0 }, 0);
  look(seen, { committed: null, end: 1_000 }, 10_000);
  look(seen, { committed: null, end: 2_000 }, 20_000);
  seen.observe({ start: 1_999, committed: null, end: 2_000 }, 20_000);
  assert.equal(seen.lagSeconds(25_000), 5);
});
