import type { Job } from "./job.ts";

/** Produces random records to a job without a pause, at about so many a second, until it is stopped. */
export class Load implements AsyncDisposable {
  readonly #stopped = new AbortController();
  readonly #producing: Promise<void>;
  /** Records that are in the topic. */
  produced = 0;

  constructor(job: Job, perSecond: number) {
    this.#producing = this.#produce(job, perSecond);
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

  async #produce(job: Job, perSecond: number): Promise<void> {
    const batch = Math.ceil(perSecond / 10);
    while (!this.#stopped.signal.aborted) {
      await job.produce(job.orders(batch));
      this.produced += batch;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
