import type { Pipeline } from "../../src/pipeline.ts";
import type { FromWorker, ToWorker } from "../../src/runtime/protocol.ts";
import { WorkerEnd } from "../../src/runtime/worker_end.ts";
import type { WorkerLink, WorkerListener } from "../../src/runtime/worker_link.ts";
import type { Wire } from "./wire.ts";

/** A worker in the process itself, behind the messages of a thread: in order, copied or handed over, and late. */
export class WorkerInside implements WorkerLink {
  readonly #wire: Wire;
  readonly #listener: WorkerListener;
  readonly #end: WorkerEnd;
  #gone = false;
  #hangs = false;
  #arrived = 0;
  #answered = 0;

  constructor(wire: Wire, plan: Pipeline, listener: WorkerListener) {
    this.#wire = wire;
    this.#listener = listener;
    this.#end = new WorkerEnd({
      load: () => Promise.resolve(plan),
      answer: (message, transfer) => this.#answer(structuredClone(message, { transfer })),
    });
  }

  send(message: ToWorker, transfer: ArrayBuffer[]): void {
    const copy = structuredClone(message, { transfer });
    this.#arrived = Math.max(this.#arrived, this.#wire.time.now + this.#delay());
    this.#later(this.#arrived, () => this.#end.receive(copy));
  }

  close(): void {
    this.#gone = true;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** It never answers again. */
  hang(): void {
    this.#hangs = true;
  }

  /** It dies, and its owner is told. */
  die(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#wire.hear(() => this.#listener.failed(new Error("the worker was killed")));
  }

  #answer(message: FromWorker): void {
    this.#answered = Math.max(this.#answered, this.#wire.time.now + this.#delay());
    this.#later(this.#answered, () => this.#listener.received(message));
  }

  #later(at: number, run: () => void): void {
    this.#wire.time.after(at - this.#wire.time.now, () =>
      this.#wire.hear(() => {
        if (!this.#gone && !this.#hangs) run();
      }));
  }

  #delay(): number {
    const { random } = this.#wire;
    return random.chance(0.5) ? 0 : random.integer(1, 30);
  }
}
