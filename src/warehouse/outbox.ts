/**
 * The part of the warehouse's port that holds results on their way to a topic or to Cassandra.
 *
 * A stream is the results of one output, numbered in the order in which their transactions committed: whoever has read up
 * to a number has missed nothing before it. Rows stay until they are said to be delivered.
 *
 * Numbers are microseconds since the stream was made, by the warehouse's clock, or one more than the last. So a warehouse
 * that is put back from a backup gives out none that it has given out before, though it knows nothing of those; as long as
 * its clock is not behind what it was.
 */
import type { ColumnSpec } from "../columns.ts";

export interface Outbox {
  /** Makes a stream unless it is there. */
  create(stream: string): Promise<void>;

  /**
   * Makes or keeps `holder` the one who delivers the stream, for ten seconds, unless another is. What counts on order or on
   * being alone must not rely on it: a holder may be slow to see that its time is over.
   */
  hold(stream: string, holder: string): Promise<HeldStream>;

  /** Lets another holder have it at once. */
  release(stream: string, holder: string): Promise<void>;

  /** How many rows wait in a stream; none if it was never made. */
  waiting(stream: string): Promise<number>;

  /** The rows after a number, in order. */
  read(stream: string, after: number, limit: number): Promise<OutboxRow[]>;

  /** Removes the rows up to a number. */
  delivered(stream: string, sequence: number): Promise<void>;
}

export interface HeldStream {
  /** False while another holder has it, and before the stream is made. */
  readonly held: boolean;
  /** When the stream was made, µs since 1970. */
  readonly createdAt: number;
  /** How many rows wait. */
  readonly waiting: number;
  /** The number of the last row that there was; 0 before the first. */
  readonly last: number;
}

export interface OutboxRow {
  readonly sequence: number;
  /** By the result's column; a `bigint` and a `double` as text, a `timestamp` as milliseconds since 1970, `bytes` as hexadecimal digits. */
  readonly result: Readonly<Record<string, string | number | boolean | null>>;
}

/** Where the results of a table's rows go. */
export interface OutboxTarget {
  readonly stream: string;
  /** What of a row goes: columns of its table, computed ones among them. */
  readonly columns: readonly ColumnSpec[];
}
