/** Thermometers, read every ten seconds: each one's mean over five minutes, and its moving average. */
import {
  aggregate,
  avg,
  cassandraTable,
  count,
  json,
  kafka,
  map,
  max,
  min,
  movingAverage,
  pipeline,
  postgresTable,
  sliding,
  validate,
} from "../mod.ts";
import { fakerReadings, type Reading } from "../producers/faker_readings.ts";

export const readingSchema = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "sensor", type: "string" },
    { name: "celsius", type: "double" },
    { name: "at", type: "string" },
  ],
} as const;

export default pipeline("sensor_temperature", {
  schedule: { cron: "* * * * *", produce: fakerReadings() },
  source: kafka("sensor_readings", {
    group: "weir-sensor-temperature",
    codec: json(readingSchema),
    eventTime: (reading) => Date.parse(reading.at),
    lateness: "1m",
  }),
  outputs: (stream) => {
    const readings = stream.pipe(validate(isPossible));
    return [
      readings.pipe(aggregate({
        by: ({ sensor }) => ({ sensor }),
        window: sliding("5m", "30s"),
        compute: {
          readings: count(),
          coldest: min((reading) => reading.celsius),
          mean: avg((reading) => reading.celsius),
          hottest: max((reading) => reading.celsius),
        },
      })).to(postgresTable("sensor_temperature")),
      readings.pipe(
        movingAverage({ by: ({ sensor }) => sensor, of: ({ celsius }) => celsius, size: 12 }),
        map(({ value: { sensor, celsius, at }, average }) => ({
          sensor,
          at: new Date(at),
          celsius,
          moving_average: average,
        })),
      ).to(cassandraTable("sensors.smoothed", {
        columns: { sensor: "text", at: "timestamp", celsius: "double", moving_average: "double" },
        key: ["sensor", "at"],
      })),
    ];
  },
});

/** A thermometer that is not connected reads -999. */
export function isPossible({ celsius }: Reading): true | string {
  return celsius >= -273.15 || `${celsius} °C is below absolute zero`;
}
