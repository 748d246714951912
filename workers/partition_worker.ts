/**
 * A partition worker: everything that is done per record. It imports pipeline modules by URL, and may read the modules'
 * folders and nothing else.
 */
import type { Pipeline } from "../src/pipeline.ts";
import type { FromWorker, ToWorker } from "../src/runtime/protocol.ts";
import { WorkerEnd } from "../src/runtime/worker_end.ts";

const scope = self as unknown as {
  onunhandledrejection: (event: PromiseRejectionEvent) => void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: FromWorker, transfer: ArrayBuffer[]): void;
};

const end = new WorkerEnd({
  load: async (module) => (await import(module) as { default: Pipeline }).default,
  answer: (message, transfer) => scope.postMessage(message, transfer),
});
// It would end the worker, and be the same again with the records that come by again in the next one.
scope.onunhandledrejection = (event) => {
  event.preventDefault();
  end.unhandled(event.reason);
};
scope.onmessage = ({ data }) => end.receive(data);
