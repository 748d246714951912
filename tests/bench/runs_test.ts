import assert from "node:assert/strict";
import { Runs } from "../../bench/runs.ts";

Deno.test("figures are kept by name, with how busy the machine was before each run", async () => {
  const busy = [4, 50, 6];
  const runs = new Runs(() => Promise.resolve({ loadAverage: 0.5, busyPercent: busy.shift()! }));
  await runs.measure("weir", () => Promise.resolve({ rate: 10 }));
  await runs.measure("weir", () => Promise.resolve({ rate: 20 }));
  await runs.measureSeveral(() => Promise.resolve({ first: { rate: 1 }, last: { rate: 2 } }));
  assert.deepEqual(runs.found, {
    weir: [{ rate: 10, loadAverage: 0.5, busyPercent: 4 }, { rate: 20, loadAverage: 0.5, busyPercent: 50 }],
    first: [{ rate: 1, loadAverage: 0.5, busyPercent: 6 }],
    last: [{ rate: 2, loadAverage: 0.5, busyPercent: 6 }],
  });
  assert.equal(
    runs.latest(),
    [
      "       rate  load  busy %",
      "weir     20   0.5      50",
      "first     1   0.5       6",
      "last      2   0.5       6",
    ]
      .join("\n"),
  );
  assert.match(runs.medians(), /^weir +15 +0\.5 +27$/m);
});

Deno.test("a run that fails leaves no figures", async () => {
  const runs = new Runs(() => Promise.resolve({ loadAverage: 0, busyPercent: 0 }));
  await assert.rejects(runs.measure("weir", () => Promise.reject(new Error("it failed"))), /it failed/);
  assert.deepEqual(runs.found, {});
});
