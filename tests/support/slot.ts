import type { PartitionWorker } from "../../src/runtime/partition_worker.ts";
import type { WorkerSlot } from "../../src/runtime/worker_pool.ts";

/** The place of a worker that is up, and takes partitions without a word but for what it is given to do. */
export function slotOf(worker: Partial<PartitionWorker> = {}): WorkerSlot {
  return { id: 0, worker: { assign() {}, ...worker }, starting: false } as unknown as WorkerSlot;
}
