import type { WorkerStatus } from "../status/snapshot.ts";
import { PartitionWorker, type PipelineModule } from "./partition_worker.ts";
import { pause, pauseAfter, serviceBackoff } from "./retry.ts";
import type { OpenWorker } from "./worker_link.ts";

/** A place for a worker: when the worker in it dies, a new one takes the place. */
export interface WorkerSlot {
  readonly id: number;
  /** The worker at work; wait for `ready` before the first use of a new one. */
  worker: PartitionWorker;
  /** Resolves when the worker has all pipelines open. */
  ready: Promise<void>;
  starting: boolean;
  restarts: number;
  /** Restarts that came soon after one another, and when the last was, in ms. */
  inARow: number;
  lastRestart: number;
  /** Milliseconds that it has been busy, over all workers that had the place. */
  busy: number;
}

export interface WorkerPoolOptions {
  readonly size: number;
  readonly modules: readonly PipelineModule[];
  /** Makes a worker, as {@linkcode workerThreads} does. */
  readonly open: OpenWorker;
  /** A worker died and another has taken its place: what it had in hand is to be done again. */
  readonly replaced: (slot: WorkerSlot, error: Error) => void;
  /** A promise of a pipeline's function was rejected in a worker, which goes on. */
  readonly unhandled: (id: number, error: string) => void;
}

/** After so many milliseconds without one, a restart is the first again. */
const calmAfter = 60_000;

/** The process's partition workers, shared by its pipelines. */
export class WorkerPool {
  readonly slots: readonly WorkerSlot[];
  readonly #options: WorkerPoolOptions;
  readonly #stopping = new AbortController();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.slots = Array.from({ length: options.size }, (_, id) => this.#newSlot(id));
  }

  /** Resolves when every worker has every pipeline open; rejects with why one could not. */
  async ready(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.ready));
  }

  /** Replaces workers that have not answered for so many milliseconds: an operator does not come back. */
  replaceSilent(deadline: number): void {
    for (const { worker, id } of this.slots) {
      const silent = Math.round(worker.silentFor / 1_000);
      if (worker.silentFor > deadline) {
        worker.fail(new Error(`worker ${id} has not answered for ${silent} s`));
      }
    }
  }

  /** `partitions` counts those of a slot, `busy` gives the share of the last seconds. */
  status(partitions: (slot: WorkerSlot) => number, busy: (slot: WorkerSlot) => number): WorkerStatus[] {
    return this.slots.map((slot) => ({
      id: slot.id,
      state: slot.starting ? "starting" : slot.worker.tasks > 0 ? "busy" : "idle",
      partitions: partitions(slot),
      restarts: slot.restarts,
      busy: busy(slot),
    }));
  }

  stop(): void {
    this.#stopping.abort();
    for (const { worker } of this.slots) worker.terminate();
  }

  #newSlot(id: number): WorkerSlot {
    const { worker, ready } = this.#spawn(id, (error) => this.#replace(slot, error));
    const slot: WorkerSlot = {
      id,
      worker,
      ready,
      starting: true,
      restarts: 0,
      inARow: 0,
      lastRestart: -Infinity,
      busy: 0,
    };
    this.#settle(slot);
    return slot;
  }

  #spawn(id: number, died: (error: Error) => void): { worker: PartitionWorker; ready: Promise<void> } {
    const { open, unhandled } = this.#options;
    const worker = new PartitionWorker(id, open, died, (error) => unhandled(id, error));
    const ready = Promise.all(this.#options.modules.map((module) => worker.open(module))).then(() => {});
    return { worker, ready };
  }

  #replace(slot: WorkerSlot, error: Error): void {
    if (this.#stopping.signal.aborted) return;
    slot.restarts++;
    slot.inARow = performance.now() - slot.lastRestart < calmAfter ? slot.inARow + 1 : 1;
    slot.lastRestart = performance.now();
    slot.starting = true;
    slot.ready = this.#respawn(slot);
    this.#settle(slot);
    this.#options.replaced(slot, error);
  }

  /** After a pause that grows with each restart in a row, lest one that dies at once takes a core for it. */
  async #respawn(slot: WorkerSlot): Promise<void> {
    const { signal } = this.#stopping;
    await pause(pauseAfter(slot.inARow, serviceBackoff), signal);
    if (signal.aborted) return;
    const { worker, ready } = this.#spawn(slot.id, (error) => this.#replace(slot, error));
    slot.worker = worker;
    await ready;
  }

  /** A failure to open is the caller's to see, by `ready`; here it only must not go unhandled. */
  #settle(slot: WorkerSlot): void {
    const { ready } = slot;
    ready.then(() => slot.starting = slot.ready !== ready, () => {});
  }
}
