import assert from "node:assert/strict";
import { json, kafka, map, movingAverage, type MovingAverageOptions, pipeline, postgresTable } from "weir";
import { runPlan } from "../support/plan_run.ts";
import { Seeded } from "../support/seeded.ts";

const schema = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "celsius", type: "double" }, {
    name: "at",
    type: "double",
  }],
} as const;
type Reading = { readonly sensor: string; readonly celsius: number; readonly at: number };

/** `sensor average count` for each reading; `at` is in seconds. */
function averages(
  options: Partial<MovingAverageOptions<Reading, string>>,
  readings: readonly (readonly [sensor: string, celsius: number, at?: number])[],
) {
  const plan = pipeline("p", {
    source: kafka("readings", { group: "g", codec: json(schema), eventTime: ({ at }) => at * 1_000 }),
    outputs: (stream) => [
      stream.pipe(
        movingAverage({ by: ({ sensor }) => sensor, of: ({ celsius }) => celsius, ...options }),
        map(({ value, average, count }) => ({ line: `${value.sensor} ${+average.toFixed(9)} ${count}` })),
      ).to(postgresTable("a", { columns: { line: "text" }, key: ["line"] })),
    ],
  });
  return runPlan(plan, readings.map(([sensor, celsius, at = 0]) => ({ sensor, celsius, at })));
}

Deno.test("the average of the last values of each key", () => {
  const { lines } = averages({ size: 3 }, [["a", 1], ["a", 2], ["b", 10], ["a", 6], ["a", 10], ["b", 0]]);
  assert.deepEqual(lines, [["a 1 1", "a 1.5 2", "b 10 1", "a 3 3", "a 6 3", "b 5 2"]]);
  assert.deepEqual(averages({ size: 1 }, [["a", 1], ["a", 2]]).lines, [["a 1 1", "a 2 1"]]);
});

Deno.test("the average of the last minute, whatever the order in it", () => {
  const { lines } = averages({ over: "60s" }, [
    ["a", 10, 0],
    ["a", 20, 30],
    ["a", 30, 10],
    ["a", 40, 59],
    ["a", 100, 60],
    ["a", 1, 0],
    ["a", 5, 500],
  ]);
  // At 60 s the value of 0 s is out; when it comes at last, it does not count.
  assert.deepEqual(lines, [["a 10 1", "a 15 2", "a 20 3", "a 25 4", "a 47.5 4", "a 47.5 4", "a 5 1"]]);
});

Deno.test("over time it is the mean of what a recount finds", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Seeded(seed);
    const readings = Array.from(
      { length: 200 },
      (_, i) =>
        [random.pick(["a", "b"]), random.integer(-1_000, 1_000), i * 2 + random.integer(0, 10)] as const,
    );
    const expected = readings.map(([sensor], i) => {
      const own = readings.slice(0, i + 1).filter((reading) => reading[0] === sensor);
      const latest = Math.max(...own.map(([, , at]) => at));
      const counted = own.filter(([, , at]) => at > latest - 60).map(([, celsius]) => celsius);
      const average = counted.reduce((sum, each) => sum + each, 0) / counted.length;
      return `${sensor} ${+average.toFixed(9)} ${counted.length}`;
    });
    assert.deepEqual(averages({ over: "60s" }, readings).lines, [expected], `seed ${seed}`);
  }
});

Deno.test("what is no number is a dead letter, and the others' average is as if it had not come", () => {
  const { lines, deadLetters } = averages({ size: 2, of: ({ celsius }) => celsius === 0 ? NaN : celsius }, [
    ["a", 1],
    ["a", 0],
    ["a", 3],
  ]);
  assert.deepEqual(lines, [["a 1 1", "a 2 2"]]);
  assert.deepEqual(deadLetters, [{
    stage: "movingAverage",
    error: "an average needs finite numbers, got NaN",
  }]);
});

Deno.test("numbers as large as they come do not overflow", () => {
  assert.deepEqual(averages({ size: 2 }, [["a", 1e308], ["a", 1e308]]).deadLetters, []);
  assert.deepEqual(averages({ over: "1m" }, [["a", 1e308], ["a", 1e308]]).deadLetters, []);
});

Deno.test("what cannot be is refused", () => {
  const making = (options: Partial<MovingAverageOptions<number, string>>) => () =>
    movingAverage<number, string>({ by: () => "", of: (n) => n, ...options });
  assert.throws(making({}), /give "size", as in 10, or "over", as in "5m", and not both/);
  assert.throws(making({ size: 1, over: "1m" }), /and not both/);
  for (const size of [0, -1, 1.5, NaN, 1_001]) {
    assert.throws(making({ size }), /must be a whole number from 1 to 1,000/);
  }
  assert.throws(making({ over: 0 }), /is not a duration/);
});
