import assert from "node:assert/strict";
import { pause, retry } from "../../src/runtime/retry.ts";

const backoff = { first: 0, most: 0 };

Deno.test("what fails at first is done again until it works, and each failure is told", async () => {
  const told: number[] = [];
  let calls = 0;
  const result = await retry(() => ++calls < 3 ? Promise.reject(new Error("down")) : Promise.resolve("up"), {
    backoff,
    signal: new AbortController().signal,
    failed: (_error, attempt) => told.push(attempt),
  });
  assert.equal(result, "up");
  assert.deepEqual(told, [1, 2]);
});

Deno.test("what cannot be mended is thrown at once", async () => {
  let calls = 0;
  const fault = new TypeError("bad");
  await assert.rejects(
    retry(() => {
      calls++;
      return Promise.reject(fault);
    }, {
      backoff,
      signal: new AbortController().signal,
      failed: () => assert.fail("not to be told"),
      mendable: (error) => !(error instanceof TypeError),
    }),
    fault,
  );
  assert.equal(calls, 1);
});

Deno.test("an abort ends a long wait with the last error", async () => {
  const stopping = new AbortController();
  const down = new Error("down");
  const attempt = retry(() => Promise.reject(down), {
    backoff: { first: 1e8, most: 1e8 },
    signal: stopping.signal,
    failed: () => queueMicrotask(() => stopping.abort()),
  });
  await assert.rejects(attempt, down);
});

Deno.test("a pause ends when the signal aborts, before it or during it", async () => {
  const stopping = new AbortController();
  const waiting = pause(1e8, stopping.signal);
  stopping.abort();
  await waiting;
  await pause(1e8, stopping.signal);
});
