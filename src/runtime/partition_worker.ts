import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint } from "../warehouse/mod.ts";
import type { FromWorker, TaskInput, TaskOutput, ToWorker } from "./protocol.ts";
import type { OpenWorker, WorkerLink } from "./worker_link.ts";

/** A pipeline as a worker finds it. */
export interface PipelineModule {
  readonly pipeline: string;
  /** The module's URL; its default export is the pipeline. */
  readonly module: string;
}

/**
 * Main's handle on one partition worker. When the worker dies, every task that it had is rejected and `died` is
 * called; the handle is of no more use then.
 */
export class PartitionWorker {
  readonly #link: WorkerLink;
  readonly #died: (error: Error) => void;
  readonly #unhandled: (error: string) => void;
  readonly #tasks = new Map<
    number,
    { resolve: (output: TaskOutput) => void; reject: (error: Error) => void }
  >();
  readonly #loads = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #opening = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  #dead: Error | undefined;
  #nextRequest = 1;
  /** Since when an answer is due, by the clock; meaningless when none is. */
  #waitingSince = performance.now();

  /** @param unhandled Told of errors that the pipelines' functions left to nobody; the worker goes on. */
  constructor(
    readonly id: number,
    open: OpenWorker,
    died: (error: Error) => void,
    unhandled: (error: string) => void,
  ) {
    this.#died = died;
    this.#unhandled = unhandled;
    this.#link = open(id, {
      received: (message) => this.#receive(message),
      failed: (error) => this.#die(error, died),
    });
  }

  /** How many tasks it has. */
  get tasks(): number {
    return this.#tasks.size;
  }

  open({ pipeline, module }: PipelineModule): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      this.#opening.set(pipeline, { resolve, reject });
      this.#send({ kind: "open", pipeline, module });
    });
  }

  assign(pipeline: string, checkpoint: Checkpoint, starts: readonly (Offset | null)[]): void {
    this.#send({ kind: "assign", pipeline, checkpoint, starts });
  }

  wake(pipeline: string, partition: number, watermark: number): void {
    this.#send({ kind: "wake", pipeline, partition, watermark });
  }

  refer(pipeline: string, table: string, rows: ReadonlyMap<string, ReferenceRow>): void {
    this.#send({ kind: "refer", pipeline, table, rows });
  }

  /** Hands over a page of operators' states; resolves when the worker has taken it, so that few are on the way. */
  load(pipeline: string, partition: number, page: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      const request = this.#nextRequest++;
      if (this.#due === 0) this.#waitingSince = performance.now();
      this.#loads.set(request, { resolve, reject });
      this.#send({ kind: "load", request, pipeline, partition, page });
    });
  }

  /** For how many milliseconds it has not answered, though it has tasks, states to load or modules to open. */
  get silentFor(): number {
    return this.#due === 0 ? 0 : performance.now() - this.#waitingSince;
  }

  /** How many answers it owes. */
  get #due(): number {
    return this.#tasks.size + this.#loads.size + this.#opening.size;
  }

  process(task: TaskInput): Promise<TaskOutput> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      const request = this.#nextRequest++;
      if (this.#due === 0) this.#waitingSince = performance.now();
      this.#tasks.set(request, { resolve, reject });
      this.#send({ kind: "process", request, task }, task.slices.map((slice) => slice.records.buffer));
    });
  }

  /** Ends it as if it had died of this. */
  fail(error: Error): void {
    this.#die(error, this.#died);
  }

  terminate(): void {
    this.#die(new Error(`worker ${this.id} was stopped`), () => {});
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#dead) this.#link.send(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case "opened":
        this.#opening.get(message.pipeline)?.resolve();
        this.#opened(message.pipeline);
        return;
      case "open-failed":
        this.#opening.get(message.pipeline)?.reject(new Error(message.error));
        this.#opened(message.pipeline);
        return;
      case "done":
        this.#tasks.get(message.request)?.resolve(message.output);
        this.#answered(message.request);
        return;
      case "loaded":
        this.#loads.get(message.request)?.resolve();
        this.#answered(message.request);
        return;
      case "failed":
        this.#loads.get(message.request)?.reject(new Error(message.error));
        this.#tasks.get(message.request)?.reject(new Error(message.error));
        this.#answered(message.request);
        return;
      case "unhandled":
        this.#unhandled(message.error);
    }
  }

  #opened(pipeline: string): void {
    this.#opening.delete(pipeline);
    this.#waitingSince = performance.now();
  }

  #answered(request: number): void {
    this.#tasks.delete(request);
    this.#loads.delete(request);
    this.#waitingSince = performance.now();
  }

  #die(error: Error, died: (error: Error) => void): void {
    if (this.#dead) return;
    this.#dead = error;
    this.#link.close();
    const pending = [...this.#tasks.values(), ...this.#loads.values(), ...this.#opening.values()];
    for (const { reject } of pending) reject(error);
    this.#tasks.clear();
    this.#loads.clear();
    this.#opening.clear();
    died(error);
  }
}
