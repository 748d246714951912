import type { Pipeline } from "../pipeline.ts";
import { PartitionWorker } from "../runtime/partition_worker.ts";
import { WorkerEnd } from "../runtime/worker_end.ts";

/** A worker without a thread: the same two ends, and messages that are copied or handed over as between threads. */
export async function openTestWorker(plan: Pipeline, clock: () => number): Promise<PartitionWorker> {
  const worker = new PartitionWorker(
    0,
    (_, listener) => {
      const end = new WorkerEnd({
        load: () => Promise.resolve(plan),
        answer: (message, transfer) => listener.received(structuredClone(message, { transfer })),
        clock,
      });
      return {
        send: (message, transfer) => end.receive(structuredClone(message, { transfer })),
        close: () => {},
      };
    },
    () => {},
    () => {},
  );
  await worker.open({ pipeline: plan.name, module: "" });
  return worker;
}
