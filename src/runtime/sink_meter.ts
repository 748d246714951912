import { describeError } from "../errors.ts";
import { RollingHistogram } from "../status/rolling_histogram.ts";
import type { SinkStatus } from "../status/snapshot.ts";

/** How one sink is doing. */
export class SinkMeter {
  #written = 0;
  #retries = 0;
  #lastError: string | undefined;
  #waiting: number | undefined;
  /** Writes that are being tried again at this moment, by what went wrong. */
  readonly #failing = new Set<object>();
  readonly #latency = new RollingHistogram();

  constructor(readonly name: string, readonly kind: SinkStatus["kind"]) {}

  /** Why writes wait at this moment, if they do. */
  get stalledBy(): string | undefined {
    return this.#failing.size > 0 ? `${this.kind} ${this.name}: ${this.#lastError}` : undefined;
  }

  wrote(rows: number): void {
    this.#written += rows;
  }

  /** A write took so many milliseconds, with all its tries. */
  took(milliseconds: number, now: number): void {
    this.#latency.record(milliseconds, now);
  }

  /** So many results wait in the outbox. */
  waits(results: number): void {
    this.#waiting = results;
  }

  failed(write: object, error: unknown): void {
    this.#retries++;
    this.#failing.add(write);
    this.#lastError = describeError(error);
  }

  /** The write has got through, or is given up. */
  settled(write: object): void {
    this.#failing.delete(write);
  }

  status(now: number): SinkStatus {
    const latency = this.#latency.snapshot(now);
    return {
      name: this.name,
      kind: this.kind,
      state: this.#failing.size > 0 ? "retrying" : "ok",
      written: this.#written,
      retries: this.#retries,
      ...(this.#waiting !== undefined && { waiting: this.#waiting }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      latencyMs: { p50: latency.percentile(50), p99: latency.percentile(99) },
    };
  }
}
