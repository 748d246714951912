import assert from "node:assert/strict";
import { testPipeline } from "../../src/mod.ts";
import cardFraud, { kilometres } from "../../src/pipelines/card_fraud.ts";

const noon = Date.parse("2026-01-31T12:00:00Z");
const berlin = { city: "Berlin", latitude: 52.52, longitude: 13.41 };
const paris = { city: "Paris", latitude: 48.86, longitude: 2.35 };
const payment = (seconds: number, where: typeof berlin = berlin, card = "card-01") => ({
  value: { card, amount: 10, ...where, at: noon + seconds * 1_000 },
  key: card,
});

Deno.test("card_fraud: the sixth payment of a card within a minute is one too many, whatever restarts between", async () => {
  const test = await testPipeline(cardFraud, { now: noon, partitions: 8 });
  for (const second of [0, 10, 20, 30, 40, 60]) await test.send(payment(second));
  assert.deepEqual(test.records("card_alerts"), []);
  await test.restart();
  await test.send(payment(61, berlin, "card-02"), payment(61));
  const alert = { card: "card-01", rule: "too many", detail: "6 payments within a minute" };
  assert.deepEqual(test.records("card_alerts"), [
    { key: "card-01", value: { ...alert, at: noon + 61_000 } },
  ]);
  assert.deepEqual(test.rows("card_alerts"), [{ ...alert, at: new Date(noon + 61_000) }]);
});

Deno.test("card_fraud: two places that are too far apart for a minute are an alert; later they are not", async () => {
  const test = await testPipeline(cardFraud, { now: noon });
  await test.send(payment(0), payment(60, paris), payment(119));
  assert.deepEqual(test.rows("card_alerts").map(({ at, rule, detail }) => [at, rule, detail]), [
    [new Date(noon + 119_000), "too far", "Paris and Berlin, 878 km, within a minute"],
  ]);
});

Deno.test("card_fraud: in each run one card pays too often, and another one is too fast", async () => {
  const test = await testPipeline(cardFraud, { now: noon, partitions: 8 });
  const found: unknown[] = [];
  for (let run = 1; run <= 3; run++) {
    assert.ok(await test.produce() > 40);
    const alerts = test.rows("card_alerts");
    assert.equal(alerts.filter(({ rule }) => rule === "too many").length, 3 * run);
    assert.equal(alerts.filter(({ rule }) => rule === "too far").length, run);
    assert.equal(test.records("card_alerts").length, alerts.length);
    found.push(...new Set(alerts.map(({ card }) => card)));
    await test.advance("2m");
  }
  assert.ok(new Set(found).size > 2, "other cards each time");
  assert.equal(test.counts.deadLettered, 0);
});

Deno.test("card_fraud: a quarter of the way round the globe is ten thousand kilometres", () => {
  const pole = { latitude: 90, longitude: 0 };
  assert.equal(Math.round(kilometres(pole, { latitude: 0, longitude: 77 })), 10_008);
  assert.equal(kilometres(berlin, berlin), 0);
});
