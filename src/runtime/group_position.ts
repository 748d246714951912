import { describeError } from "../errors.ts";
import type { Log, LogConsumer, PartitionOffsets } from "../log/mod.ts";
import type { Offset } from "../record.ts";
import { LagHistory } from "../status/lag.ts";
import type { PartitionStatus } from "../status/snapshot.ts";
import type { SourceName } from "../warehouse/mod.ts";
import type { OwnedPartition } from "./lane.ts";
import { pause } from "./retry.ts";

/** Milliseconds between two commits to the group: often enough for lag tools, seldom enough to cost nothing. */
const commitInterval = 200;
const pollInterval = 1_000;

export interface GroupPositionOptions {
  readonly log: Log;
  readonly consumer: LogConsumer;
  readonly source: SourceName;
  /** The partitions that this process owns. */
  readonly owned: () => Iterable<OwnedPartition>;
  readonly workerOf: (partition: OwnedPartition) => number;
  readonly now: () => number;
}

/**
 * The group's position as everyone can see it in the log: told after each checkpoint, and read back with the end
 * offsets for the lag. The warehouse's position is the one that counts; this one follows it.
 */
export class GroupPosition {
  readonly #options: GroupPositionOptions;
  readonly #told = new Map<number, Offset>();
  readonly #histories = new Map<number, LagHistory>();
  #offsets: readonly PartitionOffsets[] = [];
  /** Why the log could not be asked the last time. */
  error: string | undefined;

  constructor(options: GroupPositionOptions) {
    this.#options = options;
  }

  /** Tells the log the position of every partition that moved. Positions of partitions lost meanwhile are refused there. */
  async commit(): Promise<void> {
    const moved = new Map<number, Offset>();
    for (const { partition, checkpoint } of this.#options.owned()) {
      if (this.#told.get(partition) !== checkpoint.next) moved.set(partition, checkpoint.next);
    }
    if (moved.size === 0) return;
    await this.#options.consumer.commit(moved);
    for (const [partition, offset] of moved) this.#told.set(partition, offset);
  }

  /** What was told before a new assignment may not hold any more. */
  forget(): void {
    this.#told.clear();
  }

  /** Commits and polls until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let polled = -Infinity;
    while (!signal.aborted) {
      const now = this.#options.now();
      try {
        await this.commit();
        if (now - polled >= pollInterval) {
          polled = now;
          await this.poll();
        }
        this.error = undefined;
      } catch (error) {
        this.error = describeError(error);
      }
      await pause(commitInterval, signal);
    }
  }

  /** Where the partitions were when the log was last asked. */
  get offsets(): readonly PartitionOffsets[] {
    return this.#offsets;
  }

  async poll(): Promise<readonly PartitionOffsets[]> {
    const { log, source, now } = this.#options;
    const offsets = await log.offsets(source.topic, source.group);
    this.#offsets = offsets;
    for (const { partition, earliest, end, committed } of offsets) {
      let history = this.#histories.get(partition);
      if (!history) this.#histories.set(partition, history = new LagHistory());
      history.observe({ start: earliest, end, committed }, now());
    }
    return offsets;
  }

  status(): PartitionStatus[] {
    const owned = new Map([...this.#options.owned()].map((each) => [each.partition, each]));
    const now = this.#options.now();
    return this.#offsets.map(({ partition, earliest, end, committed }) => {
      const mine = owned.get(partition);
      const history = this.#histories.get(partition)!;
      return {
        partition,
        position: mine?.checkpoint.next ?? null,
        committed,
        endOffset: end,
        startOffset: earliest,
        lag: history.lag,
        lagSeconds: history.lagSeconds(now),
        verdict: history.verdict(now),
        queued: mine?.heldRecords ?? 0,
        paused: mine?.paused ?? false,
        worker: mine ? this.#options.workerOf(mine) : null,
      };
    });
  }
}
