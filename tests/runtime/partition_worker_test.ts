import assert from "node:assert/strict";
import { PartitionWorker } from "../../src/runtime/partition_worker.ts";
import type { ToWorker } from "../../src/runtime/protocol.ts";
import type { WorkerListener } from "../../src/runtime/worker_link.ts";

/** A worker that answers when the test says so. */
function workerOf() {
  const sent: ToWorker[] = [];
  let listener: WorkerListener | undefined;
  const worker = new PartitionWorker(
    0,
    (_, told) => {
      listener = told;
      return { send: (message) => sent.push(message), close() {} };
    },
    () => {},
    () => {},
  );
  return { worker, sent, listener: listener! };
}

Deno.test("a worker that only has states to load is silent until it has loaded them", async () => {
  const { worker, sent, listener } = workerOf();
  assert.equal(worker.silentFor, 0);
  const loaded = worker.load("p", 0, "[]");
  const asked = performance.now();
  while (performance.now() === asked) { /* the clock has to go on */ }
  assert.ok(worker.silentFor > 0);
  const [load] = sent;
  assert.ok(load?.kind === "load");
  listener.received({ kind: "loaded", request: load.request });
  await loaded;
  assert.equal(worker.silentFor, 0);
});

Deno.test("a worker that cannot load states owes nothing any more, and neither does a dead one", async () => {
  for (const end of ["failed", "dead"]) {
    const { worker, sent, listener } = workerOf();
    const loaded = worker.load("p", 0, "not a page");
    const [load] = sent;
    assert.ok(load?.kind === "load");
    if (end === "failed") listener.received({ kind: "failed", request: load.request, error: "no page" });
    else listener.failed(new Error("no page"));
    await assert.rejects(loaded, /no page/);
    assert.equal(worker.silentFor, 0);
  }
});
