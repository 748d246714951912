/**
 * A partition worker: everything that is done per record. It imports pipeline modules by URL, keeps a plan executor for
 * each, and answers one message at a time. It may read the modules' folders and nothing else.
 */
import { describeError } from "../src/errors.ts";
import type { Pipeline } from "../src/pipeline.ts";
import { PlanExecutor } from "../src/runtime/execute.ts";
import { type FromWorker, type ToWorker, transferables } from "../src/runtime/protocol.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void;
};
const executors = new Map<string, PlanExecutor>();

function executorOf(pipeline: string): PlanExecutor {
  const executor = executors.get(pipeline);
  if (!executor) throw new Error(`pipeline "${pipeline}" is not open in this worker`);
  return executor;
}

async function open(pipeline: string, module: string): Promise<void> {
  try {
    const { default: plan } = await import(module) as { default: Pipeline };
    executors.set(pipeline, new PlanExecutor(plan));
    scope.postMessage({ kind: "opened", pipeline });
  } catch (error) {
    scope.postMessage({ kind: "open-failed", pipeline, error: describeError(error) });
  }
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case "open":
      await open(message.pipeline, message.module);
      return;
    case "assign":
      executorOf(message.pipeline).assign(message.checkpoint);
      return;
    case "process": {
      const { request, task } = message;
      try {
        const output = executorOf(task.pipeline).process(task);
        scope.postMessage({ kind: "done", request, output }, transferables(output));
      } catch (error) {
        scope.postMessage({ kind: "failed", request, error: describeError(error) });
      }
    }
  }
}

// One after the other: what follows an `open` waits until the module is there.
let last = Promise.resolve();
scope.onmessage = ({ data }) => {
  last = last.then(() => handle(data));
};
