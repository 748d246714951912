import type { Job } from "./job.ts";

const interval = 100;
/** Milliseconds whose records are made up for after a pause; those of a longer one are left out. */
const mostBehind = 1_000;

/** Produces random records to a job without a pause, until it is stopped. */
export class Load implements AsyncDisposable {
  /** Records a second. */
  perSecond: number;
  readonly #stopped = new AbortController();
  readonly #producing: Promise<void>;
  /** Records that are in the topic. */
  produced = 0;

  constructor(job: Job, perSecond: number) {
    this.perSecond = perSecond;
    this.#producing = this.#produce(job);
    // Awaited by stop; until then a failure is to be kept.
    this.#producing.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#producing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #produce(job: Job): Promise<void> {
    let due = interval;
    while (!this.#stopped.signal.aborted) {
      const start = performance.now();
      const records = job.orders(Math.ceil(Math.min(due, mostBehind) / 1_000 * this.perSecond));
      await job.produce(records);
      this.produced += records.length;
      await new Promise((resolve) => setTimeout(resolve, interval));
      due = performance.now() - start;
    }
  }
}
