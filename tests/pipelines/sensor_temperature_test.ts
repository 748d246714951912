import assert from "node:assert/strict";
import { testPipeline } from "../../src/mod.ts";
import sensorTemperature, { isPossible } from "../../src/pipelines/sensor_temperature.ts";

const noon = Date.parse("2026-01-31T12:00:00Z");
const reading = (celsius: number, seconds: number, sensor = "attic") => ({
  value: { sensor, celsius, at: new Date(noon + seconds * 1_000).toISOString() },
  key: sensor,
});

Deno.test("sensor_temperature: means are those of five minutes, every half a minute", async () => {
  const test = await testPipeline(sensorTemperature, { now: noon });
  await test.send(reading(20, 0), reading(22, 29), reading(30, 31), reading(5, 0, "cellar"));
  const rows = test.rows("sensor_temperature");
  assert.equal(rows.length, 11 + 10);
  const from = (seconds: number) =>
    rows.find(({ window_start, sensor }) =>
      sensor === "attic" && (window_start as Date).getTime() === noon + seconds * 1_000
    );
  const bounds = (start: number) => ({
    window_start: new Date(noon + start * 1_000),
    window_end: new Date(noon + (start + 300) * 1_000),
    sensor: "attic",
  });
  assert.deepEqual(from(0), { ...bounds(0), readings: 3n, coldest: 20, mean: 24, hottest: 30 });
  assert.deepEqual(from(-270), { ...bounds(-270), readings: 2n, coldest: 20, mean: 21, hottest: 22 });
  assert.deepEqual(from(30), { ...bounds(30), readings: 1n, coldest: 30, mean: 30, hottest: 30 });
});

Deno.test("sensor_temperature: the moving average is that of a thermometer's last twelve readings", async () => {
  const test = await testPipeline(sensorTemperature, { now: noon });
  await test.send(...Array.from({ length: 13 }, (_, i) => reading(i, i * 10)));
  await test.restart();
  await test.send(reading(100, 0, "cellar"), reading(13, 130));
  const smoothed = test.rows("sensors.smoothed").map(({ sensor, celsius, moving_average }) =>
    [sensor, celsius, moving_average] as const
  );
  assert.deepEqual(smoothed.slice(0, 3), [["attic", 0, 0], ["attic", 1, 0.5], ["attic", 2, 1]]);
  const last = smoothed.slice(-3).map(([sensor, celsius, average]) => [
    sensor,
    celsius,
    Math.round(Number(average) * 1e9) / 1e9,
  ]);
  assert.deepEqual(last, [["attic", 12, 6.5], ["attic", 13, 7.5], ["cellar", 100, 100]]);
});

Deno.test("sensor_temperature: a run is a minute of five thermometers; what is not connected is a dead letter", async () => {
  const test = await testPipeline(sensorTemperature, { now: noon });
  for (let run = 0; run < 4; run++) {
    assert.equal(await test.produce(), 30);
    await test.advance("1m");
  }
  const { out, deadLettered, late } = test.counts;
  assert.equal(out + deadLettered, 120);
  assert.equal(late, 0);
  assert.ok(deadLettered > 0 && deadLettered < 20, `${deadLettered}`);
  for (const { reason } of test.deadLetters) assert.equal(reason, "-999 °C is below absolute zero");
  const mean = new Map(test.rows("sensor_temperature").map(({ sensor, mean }) => [sensor, Number(mean)]));
  assert.deepEqual([...mean.keys()].sort(), ["attic", "cellar", "garden", "greenhouse", "kitchen"]);
  assert.ok(mean.get("greenhouse")! > mean.get("cellar")! + 15);
  assert.equal(isPossible({ sensor: "attic", celsius: -273.15, at: "" }), true);
});
