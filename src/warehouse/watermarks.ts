/**
 * The part of the warehouse's port that knows how far the time of a source has come.
 *
 *     a partition's watermark   the largest event time less the lateness; in its checkpoint, moved by commits
 *     the source's watermark    the smallest over the partitions that are not idle; once all are idle, the largest
 *
 * A window closes when the source's watermark has come to its end. A worker leaves out what is late by its partition's
 * own watermark, and that is never behind the source's: what it lets through never belongs to a closed window. A
 * partition that is idle would break this; so it can only go on after `wake`, which takes it to the source's.
 */
import type { Offset } from "../record.ts";
import type { OutboxTarget } from "./outbox.ts";
import type { Checkpoint, SourceName, TableName, WarehouseTable } from "./mod.ts";

export interface Watermarks {
  /** The source's watermark, ms since 1970; null while there is none. */
  read(source: SourceName): Promise<number | null>;

  /**
   * Marks partitions as idle, or renews their marks: after ten seconds without that a mark counts no more, as its owner may
   * be gone. One that has another owner or position by now is left as it is. Gives those that were marked.
   */
  markIdle(source: SourceName, partitions: readonly IdleMark[]): Promise<number[]>;

  /**
   * Lets idle partitions go on, from the source's watermark if theirs is behind it; gives their checkpoints. One that has
   * another owner by now is left as it is.
   */
  wake(source: SourceName, partitions: readonly Owner[]): Promise<Checkpoint[]>;

  /**
   * Moves the source's watermark up, and the results of every window that it closes out of the accumulators, all in one
   * transaction. Undefined when it stays where it is, or when another process is about it.
   *
   * `absent` are tables of accumulators that the caller takes for not made yet, so that they have no windows to close. When
   * another process has made one of them, nothing is done, and the answer is `unprepared`.
   */
  close(
    source: SourceName,
    closings: readonly Closing[],
    absent?: readonly TableName[],
  ): Promise<Closed | "unprepared" | undefined>;
}

export interface Owner {
  readonly partition: number;
  readonly epoch: number;
}

export interface IdleMark extends Owner {
  readonly next: Offset;
}

/** What closed windows of one aggregate become. */
export interface Closing {
  /** Holds what is merged while windows are open: rows with `window_start` and `window_end`. */
  readonly accumulators: WarehouseTable;
  /**
   * Gets the results, a table or a stream: columns of the accumulators' table, computed ones among them. Undefined when they
   * have gone out already, and nothing is left to do but to forget the window.
   */
  readonly results: WarehouseTable | OutboxTarget | undefined;
}

export interface Closed {
  readonly watermark: number;
  /** How many windows were closed, for each closing. */
  readonly windows: readonly number[];
}
