import { describeError } from "../errors.ts";
import type { PartitionOffsets } from "../log/mod.ts";
import type { Offset } from "../record.ts";
import type { SourceName, Warehouse } from "../warehouse/mod.ts";
import type { Lane, OwnedPartition } from "./lane.ts";
import { pause } from "./retry.ts";

/** Milliseconds from one look to the next: well within the ten seconds for which a mark counts. */
const interval = 1_000;

export interface IdlePartitionsOptions {
  readonly source: SourceName;
  readonly warehouse: Warehouse;
  readonly lanes: readonly Lane[];
  /** Where the log's partitions ended when it was last asked. */
  readonly offsets: () => readonly PartitionOffsets[];
  /** Milliseconds without a record after which a partition is idle. */
  readonly idleAfter: number;
  readonly now: () => number;
  /** A lane has more to do, as one of its partitions was woken. */
  readonly woken: (lane: Lane) => void;
}

/**
 * Which of this process's partitions the source's watermark does not wait for:
 *
 *     flowing --read to its end, and nothing came for long--> idle --something came--> woken: flowing again
 *
 * One that is idle gives no tasks, see `Lane`. What is asked of the warehouse may be lost on the way, so a partition
 * counts as idle here before it is marked, and until it is known to be awake: marking and waking again is harmless.
 */
export class IdlePartitions {
  readonly #options: IdlePartitionsOptions;
  /** Why the last round failed. */
  error: string | undefined;
  #notified = new AbortController();

  constructor(options: IdlePartitionsOptions) {
    this.#options = options;
  }

  /** Something came in for a partition that is idle. */
  notify(): void {
    this.#notified.abort();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(interval, AbortSignal.any([signal, this.#notified.signal]));
      if (signal.aborted) return;
      this.#notified = new AbortController();
      try {
        await this.look();
        this.error = undefined;
      } catch (error) {
        this.error = describeError(error);
        // What was told of meanwhile is seen in the next round.
        await pause(interval, signal);
      }
    }
  }

  /** Wakes and marks what there is to wake and to mark. */
  async look(): Promise<void> {
    await this.#wake();
    await this.#mark();
  }

  async #wake(): Promise<void> {
    const { warehouse, source, lanes, woken } = this.#options;
    const waiting = lanes.flatMap((lane) =>
      [...lane.partitions.values()].filter(({ checkpoint, expected }) =>
        checkpoint.idle && expected !== checkpoint.next
      ).map((partition) => ({ lane, partition, checkpoint: partition.checkpoint }))
    );
    if (waiting.length === 0) return;
    const awake = await warehouse.watermarks.wake(source, waiting.map(({ checkpoint }) => checkpoint));
    for (const { lane, partition, checkpoint } of waiting) {
      const found = awake.find((each) => each.partition === checkpoint.partition);
      // One that was lost or started over meanwhile is as the warehouse said then.
      if (!found || partition.checkpoint !== checkpoint) continue;
      lane.wake(partition, found);
      woken(lane);
    }
  }

  async #mark(): Promise<void> {
    const { warehouse, source, lanes, offsets, now, idleAfter } = this.#options;
    const ends = new Map<number, Offset>(offsets().map(({ partition, end }) => [partition, end]));
    const quiet = lanes.flatMap((lane) => [...lane.partitions.values()]).filter((partition) =>
      isDone(partition) && partition.expected >= (ends.get(partition.partition) ?? Infinity) &&
      now() - partition.arrivedAt >= idleAfter
    );
    if (quiet.length === 0) return;
    const before = new Map(quiet.map((partition) => [partition, partition.checkpoint]));
    for (const partition of quiet) partition.checkpoint = { ...partition.checkpoint, idle: true };
    const asked = new Map(quiet.map((partition) => [partition, partition.checkpoint]));
    const marked = new Set(
      await warehouse.watermarks.markIdle(source, quiet.map(({ checkpoint }) => checkpoint)),
    );
    for (const [partition, checkpoint] of asked) {
      if (partition.checkpoint === checkpoint && !marked.has(partition.partition)) {
        partition.checkpoint = before.get(partition)!;
      }
    }
  }
}

/** Nothing of it is on the way. */
function isDone({ checkpoint, expected, heldRecords }: OwnedPartition): boolean {
  return expected === checkpoint.next && heldRecords === 0;
}
