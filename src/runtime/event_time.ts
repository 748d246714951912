import type { PartitionOffsets } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { SourceName, Warehouse } from "../warehouse/mod.ts";
import { IdlePartitions } from "./idle_partitions.ts";
import type { Lane, OwnedPartition } from "./lane.ts";
import type { OutputTables } from "./output_tables.ts";
import type { SinkMeter } from "./sink_meter.ts";
import { WindowCloser } from "./window_closer.ts";

export interface EventTimeOptions {
  readonly plan: Pipeline;
  readonly source: SourceName;
  readonly warehouse: Warehouse;
  readonly lanes: readonly Lane[];
  readonly tables: OutputTables;
  /** One per output of the pipeline, in order. */
  readonly meters: readonly SinkMeter[];
  /** Where the log's partitions ended when it was last asked. */
  readonly offsets: () => readonly PartitionOffsets[];
  readonly now: () => number;
  /** A lane has more to do, as one of its partitions was woken. */
  readonly woken: (lane: Lane) => void;
  /** Windows were closed. */
  readonly closed: () => void;
}

/** How far the time of a pipeline's source has come. Without a lateness nothing is late, and there is nothing to do. */
export class EventTime {
  readonly #lanes: readonly Lane[];
  readonly #idle: IdlePartitions | undefined;
  readonly #closer: WindowCloser | undefined;

  constructor(options: EventTimeOptions) {
    this.#lanes = options.lanes;
    if (options.plan.source.lateness === Infinity) return;
    this.#idle = new IdlePartitions({ ...options, idleAfter: options.plan.source.idleAfter });
    this.#closer = new WindowCloser(options);
  }

  /** The source's watermark, ms since 1970; without a lateness the smallest of the latest event times. Null at first. */
  get watermark(): number | null {
    if (this.#closer) return this.#closer.watermark;
    const times = this.#lanes.flatMap((lane) => [...lane.partitions.values()])
      .flatMap(({ checkpoint: { eventTime } }) => eventTime === null ? [] : [eventTime]);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Why partitions could not be woken or marked the last time. */
  get error(): string | undefined {
    return this.#idle?.error;
  }

  /** Something came in for a partition. */
  arrived({ checkpoint }: OwnedPartition): void {
    if (checkpoint.idle) this.#idle?.notify();
  }

  /** Partitions have moved. */
  moved(): void {
    this.#closer?.notify();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#idle?.run(signal), this.#closer?.run(signal)]);
  }
}
