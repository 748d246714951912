/** What becomes of workers that die or say nothing. They are stand-ins that answer as they are told. */
import assert from "node:assert/strict";
import type { WorkerListener } from "../../src/runtime/worker_link.ts";
import { WorkerPool } from "../../src/runtime/worker_pool.ts";
import { HeldTime } from "../simulation/held_time.ts";
import { Seeded } from "../support/seeded.ts";

/** A pool of one worker. `opens` says of each worker in turn whether it opens its pipeline or hangs. */
function poolOf(...opens: boolean[]) {
  const listeners: WorkerListener[] = [];
  const closed: number[] = [];
  const replaced: string[] = [];
  const unhandled: string[] = [];
  const pool = new WorkerPool({
    size: 1,
    modules: [{ pipeline: "p", module: "memory:p" }],
    open: (_id, listener) => {
      const number = listeners.push(listener) - 1;
      return {
        send: ({ kind }) => {
          if (kind === "open" && opens[number]) listener.received({ kind: "opened", pipeline: "p" });
        },
        close: () => closed.push(number),
      };
    },
    replaced: (_slot, error) => replaced.push(error.message),
    unhandled: (id, error) => unhandled.push(`${id}: ${error}`),
  });
  // What the first worker could not open is for those who wait for it.
  pool.ready().catch(() => {});
  return { pool, slot: pool.slots[0]!, listeners, closed, replaced, unhandled };
}

Deno.test("a worker that hangs while it opens its pipelines is replaced", async () => {
  const time = new HeldTime();
  using _held = time.hold(new Seeded(1));
  const { pool, slot, closed, replaced } = poolOf(false, true);
  await time.run(time.now + 9_000, () => false);
  pool.replaceSilent(10_000);
  assert.deepEqual(replaced, []);
  await time.run(time.now + 2_000, () => false);
  pool.replaceSilent(10_000);
  assert.deepEqual(replaced, ["worker 0 has not answered for 11 s"]);
  assert.deepEqual(closed, [0]);
  assert.ok(await time.run(time.now + 10_000, () => !slot.starting), "its successor opens");
  await time.run(time.now + 60_000, () => false);
  pool.replaceSilent(10_000);
  assert.equal(slot.restarts, 1, "one that has nothing to do is not silent");
});

Deno.test("a worker that dies is replaced after a pause, and its tasks are rejected", async () => {
  const time = new HeldTime();
  using _held = time.hold(new Seeded(1));
  const { slot, listeners, replaced } = poolOf(true, true);
  assert.ok(await time.run(time.now + 1_000, () => !slot.starting));
  const task = slot.worker.process({ pipeline: "p", slices: [], keyTypes: [] });
  const rejected = assert.rejects(task, /it was the end/);
  listeners[0]!.failed(new Error("it was the end"));
  await rejected;
  assert.deepEqual([replaced, listeners.length, slot.starting], [["it was the end"], 1, true]);
  assert.ok(await time.run(time.now + 1_000, () => !slot.starting));
  assert.equal(listeners.length, 2);
});

Deno.test("a worker whose functions left a rejected promise goes on, and it is told whose it was", async () => {
  const { pool, slot, listeners, replaced, unhandled } = poolOf(true);
  await pool.ready();
  listeners[0]!.received({ kind: "unhandled", error: "boom" });
  assert.deepEqual([unhandled, replaced, slot.restarts], [["0: boom"], [], 0]);
});
