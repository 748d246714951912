import assert from "node:assert/strict";
import { InStep } from "../../bench/limits/in_step.ts";

const rows = Array.from({ length: 10 }, (_, n) => n);

Deno.test("each of two writers gets all rows in order, the last batch with what is left", async () => {
  const step = new InStep(rows, 100, ["a", "b"]);
  for (const _ of ["a", "b"]) {
    assert.deepEqual(await Array.fromAsync(step.batches(4)), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  }
});

Deno.test("the faster writer waits until the other is at most the lead behind", async () => {
  const step = new InStep(rows, 4, ["fast", "slow"]);
  const batches = step.batches(2);
  const given: number[] = [];
  const fast = (async () => {
    for await (const batch of batches) {
      given.push(...batch);
      step.done("fast", batch.length);
    }
  })();
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  await settle();
  assert.deepEqual(given, [0, 1, 2, 3, 4, 5], "rows up to the lead, and the batch that begins there");
  assert.equal(step.throughBoth, 0);
  step.done("slow", 1);
  await settle();
  assert.equal(given.length, 6, "a row is not enough for the next batch to be within the lead");
  step.done("slow", 1);
  await settle();
  assert.equal(given.length, 8);
  step.done("slow", 8);
  await fast;
  assert.deepEqual(given, rows);
  assert.equal(step.throughBoth, 10);
});
