/** A worker that is a thread, with the sandbox that pipelines' functions run in. */
import assert from "node:assert/strict";
import { packRecords } from "../../src/packed_records.ts";
import { PartitionWorker } from "../../src/runtime/partition_worker.ts";
import { workerThreads } from "../../src/runtime/worker_link.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { deadLettersOf, linesOf, recordOf } from "../support/plan_run.ts";

const pipeline = "rejecting";
const checkout = new URL("../../", import.meta.url).pathname;

Deno.test("a thread survives rejected promises that nobody waits for, and tells of each error once", async () => {
  const died: string[] = [];
  const unhandled: string[] = [];
  const worker = new PartitionWorker(
    0,
    workerThreads([checkout]),
    ({ message }) => died.push(message),
    (error) => unhandled.push(error),
  );
  try {
    await worker.open({
      pipeline,
      module: new URL("../support/rejecting_pipeline.ts", import.meta.url).href,
    });
    worker.assign(pipeline, freshCheckpoint(), []);
    let offset = 0;
    const process = (...lines: string[]) => {
      const records = packRecords(lines.map((line) => recordOf(offset++, line)));
      return worker.process({ pipeline, slices: [{ partition: 0, records, refused: [] }], keyTypes: [null] });
    };
    const first = await process("a", "given on", "a", "b");
    assert.deepEqual(linesOf(first.outputs[0]!), ["a", "a", "b"]);
    assert.deepEqual(deadLettersOf(first), [{
      stage: "map",
      error: "the function gave a promise, but nothing waits for one; it must give its result at once",
    }]);
    // By the time that it answers the second one, it has told all that the first left.
    const second = await process("a");
    assert.deepEqual(linesOf(second.outputs[0]!), ["a"]);
    assert.deepEqual([unhandled, died], [["no a", "no b"], []]);
  } finally {
    worker.terminate();
  }
});
