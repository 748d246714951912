import assert from "node:assert/strict";
import { type Duration, milliseconds } from "../src/duration.ts";

Deno.test("durations are milliseconds, or a number with a unit", () => {
  const cases: [Duration, number][] = [
    [1, 1],
    [1_500, 1_500],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1_500],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["0.5h", 1_800_000],
    ["7d", 604_800_000],
  ];
  for (const [duration, expected] of cases) assert.equal(milliseconds(duration), expected, `${duration}`);
});

Deno.test("what is no positive length of whole milliseconds is refused with one that would do", () => {
  const wrong = [
    0,
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    "0s",
    "-5m",
    "0.1ms",
    "5",
    "5 m",
    "m",
    "",
    "1e3s",
    "5M",
    "1w",
    null,
    {},
  ];
  for (const duration of wrong) {
    const shown = typeof duration === "number" ? String(duration) : JSON.stringify(duration);
    assert.throws(() => milliseconds(duration as Duration), {
      name: "TypeError",
      message:
        `${shown} is not a duration: give milliseconds above 0, or a number with ms, s, m, h or d, as in "5m"`,
    });
  }
});
