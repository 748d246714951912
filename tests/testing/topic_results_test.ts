/** An aggregate's results to topics, as rows by the codec that comes with Weir: counts are bigints, bounds are Dates. */
import assert from "node:assert/strict";
import {
  aggregate,
  approxDistinct,
  avg,
  count,
  json,
  kafka,
  last,
  pipeline,
  stddev,
  testPipeline,
  topic,
  tumbling,
} from "weir";

const readingSchema = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "celsius", type: "double" }],
} as const;
const minuteSchema = {
  type: "record",
  name: "Minute",
  fields: [
    { name: "window_start", type: "long" },
    { name: "window_end", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "sensor", type: "string" },
    { name: "readings", type: "long" },
    { name: "values", type: "long" },
    { name: "mean", type: "double" },
    { name: "spread", type: ["null", "double"] },
    { name: "seen", type: "long" },
  ],
} as const;
const noon = Date.parse("2026-01-31T12:00:00Z");

for (const results of ["updates", "final"] as const) {
  Deno.test(`${results} of an aggregate go to a topic by a JSON schema, and are read as it says`, async () => {
    const plan = pipeline("p", {
      source: kafka("readings", { group: "g", codec: json(readingSchema), lateness: "10s" }),
      outputs: (stream) => [
        stream.pipe(aggregate({
          by: ({ sensor }) => ({ sensor }),
          window: tumbling("1m"),
          compute: {
            readings: count(),
            values: approxDistinct(({ celsius }) => celsius),
            mean: avg(({ celsius }) => celsius),
            spread: stddev(({ celsius }) => celsius),
            seen: last("timestamp", (_, { timestamp }) => new Date(timestamp)),
          },
          results,
        })).to(topic("minutes", { key: ({ sensor }) => sensor, codec: json(minuteSchema) })),
      ],
    });
    const test = await testPipeline(plan, { now: noon });
    await test.send({ value: { sensor: "a", celsius: 20 } }, { value: { sensor: "a", celsius: 30 } });
    await test.advance("2m");
    await test.send({ value: { sensor: "b", celsius: 5 } });
    const minute = (at: number, sensor: string, more: object) => ({
      key: sensor,
      value: { window_start: at, window_end: at + 60_000, sensor, ...more },
    });
    const first = minute(noon, "a", {
      readings: 2,
      values: 2,
      mean: 25,
      spread: Math.sqrt(50),
      seen: noon,
    });
    const second = minute(noon + 120_000, "b", {
      readings: 1,
      values: 1,
      mean: 5,
      spread: null,
      seen: noon + 120_000,
    });
    assert.deepEqual(test.deadLetters, []);
    assert.deepEqual(test.records("minutes"), results === "final" ? [first] : [first, second]);
  });
}
