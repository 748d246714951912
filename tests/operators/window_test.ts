import assert from "node:assert/strict";
import { session, sliding, tumbling, type Window, windowStarts } from "../../src/operators/window.ts";
import { Seeded } from "../support/seeded.ts";

Deno.test("tumbling windows are aligned to 1970, and an end belongs to the next", () => {
  const minute = tumbling("1m");
  assert.deepEqual(minute, { kind: "tumbling", size: 60_000, slide: 60_000 });
  assert.deepEqual(windowStarts(minute, 0), [0]);
  assert.deepEqual(windowStarts(minute, 59_999), [0]);
  assert.deepEqual(windowStarts(minute, 60_000), [60_000]);
  assert.deepEqual(windowStarts(minute, Date.parse("2025-06-15T12:34:56.789Z")), [
    Date.parse("2025-06-15T12:34:00Z"),
  ]);
});

Deno.test("times before 1970 fall into windows that start before them", () => {
  assert.deepEqual(windowStarts(tumbling("1m"), -1), [-60_000]);
  assert.deepEqual(windowStarts(tumbling("1m"), -60_000), [-60_000]);
  assert.deepEqual(windowStarts(tumbling("1m"), -60_001), [-120_000]);
  assert.deepEqual(windowStarts(sliding(30, 10), -5), [-30, -20, -10]);
});

Deno.test("sliding windows overlap, earliest first", () => {
  const window = sliding("5m", "30s");
  assert.deepEqual(window, { kind: "sliding", size: 300_000, slide: 30_000 });
  const starts = windowStarts(window, 600_000);
  assert.equal(starts.length, 10);
  assert.deepEqual([starts[0], starts.at(-1)], [330_000, 600_000]);
  assert.deepEqual(windowStarts(sliding("1m", "1m"), 90_000), windowStarts(tumbling("1m"), 90_000));
});

Deno.test("a time is in all windows that hold it and no others, by brute force", () => {
  const random = new Seeded(1);
  for (let i = 0; i < 2_000; i++) {
    const size = random.integer(1, 60);
    const window: Window = sliding(size, random.integer(1, size));
    const time = random.integer(-200, 200);
    const expected: number[] = [];
    for (let n = -400; n <= 400; n++) {
      const start = n * window.slide;
      if (start <= time && time < start + size) expected.push(start);
    }
    assert.deepEqual(
      windowStarts(window, time).map((start) => start + 0),
      expected,
      `${JSON.stringify(window)} at ${time}`,
    );
  }
});

Deno.test("windows that cannot be are refused", () => {
  assert.throws(() => sliding("1m", "2m"), {
    message: /sliding\("1m", "2m"\): the slide is larger than the size/,
  });
  assert.throws(() => tumbling("1 minute" as never), /"1 minute" is not a duration/);
  assert.throws(() => tumbling(0), TypeError);
  assert.throws(() => sliding("1m", -5), TypeError);
});

Deno.test("windows longer than databases have time for are refused", () => {
  const year = 365.25 * 86_400_000;
  assert.equal(tumbling("36525d").size, 100 * year);
  assert.throws(() => tumbling(100 * year + 1), {
    name: "TypeError",
    message: 'tumbling("3155760000001"): the size is longer than 100 years; give at most "36525d"',
  });
  const forever = Number.MAX_SAFE_INTEGER;
  assert.throws(() => tumbling(forever), /the size is longer than 100 years/);
  assert.throws(() => session("40000d"), /session\("40000d"\): the gap is longer than 100 years/);
  assert.throws(() => sliding(forever, "1m"), /the size is longer than 100 years/);
  assert.throws(() => sliding("1m", forever), /the slide is longer than 100 years/);
});

Deno.test("a slide that would put a record in too many windows is refused", () => {
  assert.equal(windowStarts(sliding("1d", "1m"), 0).length, 1_440);
  assert.throws(() => sliding("10m", "1ms"), {
    name: "TypeError",
    message:
      'sliding("10m", "1ms"): each record would be in 600000 windows; at most 1440 will do, so give a larger slide',
  });
  assert.throws(() => sliding(1_441, 1), /in 1441 windows/);
  assert.throws(() => sliding(2_881, 2), /in 1441 windows/);
});

Deno.test("a session's gap must be a positive duration", () => {
  assert.deepEqual(session("30m"), { kind: "session", size: 1_800_000, slide: 0 });
  for (const gap of [0, -1, NaN, "0s", "-5m", "soon"]) {
    assert.throws(() => session(gap as "1m"), { name: "TypeError", message: /is not a duration/ });
  }
});
