import type { SourceName, Warehouse } from "../warehouse/mod.ts";
import type { OutputTables } from "./output_tables.ts";
import { pause } from "./retry.ts";
import type { SinkMeter } from "./sink_meter.ts";

/** Milliseconds between two looks, at least, and at most. */
const soonest = 100;
const latest = 1_000;

export interface WindowCloserOptions {
  readonly source: SourceName;
  readonly warehouse: Pick<Warehouse, "watermarks">;
  readonly tables: OutputTables;
  /** One per output of the pipeline, in order. */
  readonly meters: readonly SinkMeter[];
  readonly now: () => number;
  /** Windows were closed. */
  readonly closed: () => void;
}

/**
 * Moves the source's watermark up and closes windows: after commits, and now and then, for other processes may have moved
 * what this one waits for. Every process tries, and the warehouse lets one at a time.
 */
export class WindowCloser {
  readonly #options: WindowCloserOptions;
  #watermark: number | null = null;
  #notified = new AbortController();

  constructor(options: WindowCloserOptions) {
    this.#options = options;
  }

  /** The source's watermark as it was last seen, ms since 1970; null while there is none. */
  get watermark(): number | null {
    return this.#watermark;
  }

  /** A partition's watermark may have moved. */
  notify(): void {
    this.#notified.abort();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { meters, tables } = this.#options;
    let attempt = {};
    while (!signal.aborted) {
      await pause(soonest, signal);
      await pause(latest - soonest, AbortSignal.any([signal, this.#notified.signal]));
      if (signal.aborted) return;
      this.#notified = new AbortController();
      try {
        await this.close();
        for (const output of tables.closings.keys()) meters[output]!.settled(attempt);
        attempt = {};
      } catch (error) {
        for (const output of tables.closings.keys()) meters[output]!.failed(attempt, error);
        await pause(latest, signal);
      }
    }
    for (const output of tables.closings.keys()) meters[output]!.settled(attempt);
  }

  /** Closes what can be closed now. */
  async close(): Promise<void> {
    const { source, warehouse, tables, meters, now } = this.#options;
    const start = now();
    const attempt = () => warehouse.watermarks.close(source, [...tables.closings.values()], tables.absent);
    let closed = await attempt();
    while (closed === "unprepared") {
      await tables.create();
      closed = await attempt();
    }
    const outputs = [...tables.closings.keys()];
    closed?.windows.forEach((windows, i) => {
      // What goes on from an outbox is written when it arrives.
      if (windows === 0 || tables.streams.has(outputs[i]!)) return;
      meters[outputs[i]!]!.wrote(windows);
      meters[outputs[i]!]!.took(now() - start, now());
    });
    if (closed) this.#options.closed();
    this.#watermark = closed?.watermark ?? await warehouse.watermarks.read(source);
  }
}
