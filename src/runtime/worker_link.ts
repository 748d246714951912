import type { FromWorker, ToWorker } from "./protocol.ts";

/** What carries messages to one worker. A thread does; a test may have the worker in the process, under its control. */
export interface WorkerLink {
  /** Hands a message over, with the buffers that go with it. */
  send(message: ToWorker, transfer: ArrayBuffer[]): void;
  /** Ends the worker; nothing is heard of it after that. */
  close(): void;
}

/** What a link tells its owner. */
export interface WorkerListener {
  received(message: FromWorker): void;
  /** The worker is dead, of this. */
  failed(error: Error): void;
}

export type OpenWorker = (id: number, listener: WorkerListener) => WorkerLink;

const noPermissions = {
  env: false,
  ffi: false,
  import: false,
  net: false,
  run: false,
  sys: false,
  write: false,
} as const;

/** Workers that are threads, and may read these folders and nothing else. */
export function workerThreads(readFolders: readonly string[]): OpenWorker {
  return (id, listener) => {
    const thread = new Worker(new URL("../../workers/partition_worker.ts", import.meta.url), {
      type: "module",
      name: `weir-worker-${id}`,
      deno: { permissions: { ...noPermissions, read: [...readFolders] } },
    });
    thread.onmessage = (event: MessageEvent<FromWorker>) => listener.received(event.data);
    thread.onerror = (event) => {
      event.preventDefault();
      listener.failed(new Error(`worker ${id} failed: ${event.message}`));
    };
    thread.onmessageerror = () => listener.failed(new Error(`worker ${id} sent what cannot be read`));
    return {
      send: (message, transfer) => thread.postMessage(message, transfer),
      close: () => thread.terminate(),
    };
  };
}
