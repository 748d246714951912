/**
 * The part of the warehouse's port that sets positions anew, as `weir offsets reset` does.
 *
 * The cursors of output topics are in the log, and cannot move in one transaction with the positions. So a reset keeps
 * which cursors are to be set beside the positions that it sets, and is done by whoever has the partition's publisher
 * next, before anything else is published: wherever the one who made it has ended, it happens as a whole.
 */
import type { Offset } from "../record.ts";
import type { SourceName } from "./mod.ts";

export interface Resets {
  /**
   * Sets where partitions go on, all of them or none, taking them from their owners, who are fenced and start over from
   * there. Write times go on from now, so that what is read after it wins over whatever was written before; event times
   * stay. Cursors that an earlier reset of these partitions has left to be set are forgotten: set them first.
   *
   * @throws {Fenced} when a partition has another epoch than the one given; nothing is changed then.
   */
  make(source: SourceName, reset: Reset): Promise<void>;

  /** The last reset of each partition that had one, sorted by partition. */
  last(source: SourceName): Promise<LastReset[]>;

  /** The cursors of these partitions are set, if this is the last reset of theirs still. */
  finish(source: SourceName, id: string, partitions: readonly number[]): Promise<void>;
}

export interface Reset {
  /** What no other reset has. */
  readonly id: string;
  /** The topic that these are positions in; which one that is is not known without it. */
  readonly topicId?: string | undefined;
  readonly partitions: readonly PartitionReset[];
  /** The output topics whose cursors are to be set. */
  readonly topics: readonly string[];
  /**
   * Partitions that the topic does not have any more: forgotten, with the states of their operators. Left there, they
   * would hold back the source's watermark for ever.
   */
  readonly gone: readonly number[];
}

export interface PartitionReset {
  readonly partition: number;
  /** The epoch that it must have; null when it must have no position yet. */
  readonly epoch: number | null;
  readonly next: Offset;
  /** Cursors are set to `next`, wherever they are. Otherwise those that are behind it stay where they are. */
  readonly exactly: boolean;
}

export interface LastReset extends Omit<PartitionReset, "epoch"> {
  readonly id: string;
  /** The output topics whose cursors are still to be set. */
  readonly topics: readonly string[];
}
