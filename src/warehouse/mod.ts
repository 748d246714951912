/**
 * The port of the warehouse: the SQL database that holds the results and decides the position.
 *
 * Every adapter keeps these promises, and `tests/contract/warehouse_suite.ts` holds them to it:
 * - `commit` is one transaction: rows, merged aggregates, operators' states and every partition's move are all in it,
 *   or none is.
 * - A move is a compare-and-set on (epoch, from). When one misses, nothing is written and `commit` throws `Fenced`.
 * - When `commit` throws anything else the outcome may be unknown: read `positions` to settle it. It is either as
 *   before or as if it had returned, never in between.
 * - `claim` makes the caller the owner: from then on commits with an older epoch are fenced.
 * - A source's watermark never falls, and no record that comes into a table after a window was closed belongs to it,
 *   as long as workers leave out what is late by its partition's own watermark.
 */
import type { ColumnType } from "../columns.ts";
import type { Fold, Merge } from "../merge.ts";
import type { Offset } from "../record.ts";
import type { Outbox, OutboxTarget } from "./outbox.ts";
import type { Resets } from "./resets.ts";
import type { Watermarks } from "./watermarks.ts";

export interface Warehouse {
  readonly kind: "postgres" | "embedded";

  /** Makes a table unless it is there; throws `SchemaMismatch` for one whose columns or key do not fit. */
  createTable(table: WarehouseTable): Promise<void>;

  /** The primary key of a table that is there, in its order: columns whose type is none of ours are left out. */
  primaryKey(
    schema: string,
    table: string,
  ): Promise<readonly { readonly name: string; readonly type: ColumnType }[] | undefined>;

  /**
   * Makes the caller the owner of partitions and gives their checkpoints, sorted by partition. A partition whose epoch
   * is still the one given in `held` keeps it; for all others the epoch goes up by one. One without a checkpoint gets
   * the position that `initial` gives. Positions whose topic is not known yet are taken for ones in the topic of `topicId`.
   */
  claim(
    source: SourceName,
    partitions: readonly number[],
    held: ReadonlyMap<number, number>,
    initial: (partition: number) => Offset,
    topicId?: string,
  ): Promise<Checkpoint[]>;

  /**
   * Sets where partitions begin that have no checkpoint yet; others stay as they are. They are positions in the topic of
   * `topicId`; which one that is is not known without it.
   */
  setPositions(
    source: SourceName,
    positions: ReadonlyMap<number, Offset>,
    topicId?: string,
  ): Promise<void>;

  /** Positions that are set anew, and what they leave to be done in the log. */
  readonly resets: Resets;

  /** By partition: the id of the topic that the position is one in, where that is known. */
  topicIds(source: SourceName): Promise<ReadonlyMap<number, string>>;

  /** The watermarks of sources, and the windows that they close. */
  readonly watermarks: Watermarks;

  /** Results on their way to topics and Cassandra. */
  readonly outbox: Outbox;

  /** The checkpoints of every partition of a source that has one, sorted by partition. */
  positions(source: SourceName): Promise<Checkpoint[]>;

  /**
   * The states that operators keep in a partition, a page at a time: each is the text of a JSON array whose elements are
   * `[operator, key, value, touched, turn]`. What is read is whole for the owner of the partition, whose commits do not
   * go on meanwhile.
   */
  states(source: SourceName, partition: number): AsyncIterable<string>;

  /** Writes everything, or nothing. */
  commit(transaction: Transaction): Promise<void>;

  /**
   * Takes a scheduled run for this process: true for the first caller with these arguments, false for all others, so that
   * several processes with the same schedule run it once.
   */
  takeRun(pipeline: string, scheduledAt: Date): Promise<boolean>;

  /** The first rows of a query, each as JSON has it, from a transaction that may not write. */
  select(query: string, mostRows: number): Promise<readonly Readonly<Record<string, unknown>>[]>;

  /** One line for people about the service, without secrets. Throws when it cannot be reached. */
  describe(): Promise<string>;

  close(): Promise<void>;
}

/** What a checkpoint belongs to. */
export interface SourceName {
  readonly group: string;
  readonly topic: string;
}

/** How far a partition has come. A pure function of the partition's records before `next`, but for the epoch. */
export interface Checkpoint {
  readonly partition: number;
  /** Goes up by one with every change of owner. */
  readonly epoch: number;
  /** The offset of the first record that is not in the warehouse yet. */
  readonly next: Offset;
  /** The write timestamp of the partition's last record in converging tables, µs since 1970; 0 before the first. */
  readonly writeTime: number;
  /** The largest event time that moved the watermark, ms since 1970; null before the first record. */
  readonly eventTime: number | null;
  /** Where its records begin to be in time, ms since 1970; null when none was ever late. Never falls. */
  readonly watermark: number | null;
  /** Its owner found nothing to read for long, and the source's watermark does not wait for it: see {@linkcode Watermarks}. */
  readonly idle: boolean;
}

/** A partition's step from one checkpoint to the next. One that is idle makes none. */
export interface Move extends Omit<Checkpoint, "idle"> {
  /** The position that the warehouse must hold for this move to be made. */
  readonly from: Offset;
}

/** Where a table is. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table in the warehouse, for rows and for aggregates alike. */
export interface WarehouseTable extends TableName {
  readonly columns: readonly WarehouseColumn[];
  /** The columns of the primary key. */
  readonly key: readonly string[];
  /**
   * Rows are sessions: those of one key that overlap, from `window_start` to before `window_end`, are merged into one. The
   * key is `window_start` and what it is apart from that.
   */
  readonly sessions?: true;
  /** Rows go when their windows close: `window_end` gets an index. */
  readonly closes?: true;
  /** Every row that is written or changed goes there as it is then. */
  readonly outbox?: OutboxTarget;
  /** Columns that functions merge, beside those that SQL does. Default: none. */
  readonly folds?: readonly FoldedColumns[];
  /** Rows are not kept, and need no table: they only go to the outbox, all of them, in the order of arrival. */
  readonly passing?: true;
  /** Columns that the database computes from others. */
  readonly computed: readonly ComputedColumn[];
}

/** Two columns whose merge is `replace`, by what the functions make of all rows of a key. */
export interface FoldedColumns {
  /** Who they are, for errors: `custom "visitors"`. */
  readonly name: string;
  /** The column of the state, in JSON; rows that are written hold an array of states in it. */
  readonly state: string;
  /** The column of the result; rows that are written hold null in it. */
  readonly result: string;
  readonly fold: Fold;
}

export interface ComputedColumn {
  readonly name: string;
  /** In SQL, over the other columns. */
  readonly expression: string;
  /** The same in TypeScript, over a row by the names of its columns. */
  readonly of: (row: Readonly<Record<string, unknown>>) => unknown;
  /** Default: `double`. */
  readonly type?: ColumnType;
}

export interface WarehouseColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly optional: boolean;
  /**
   * What a row does whose key is there already: `replace` takes the new value, `keep` the old one, the others merge the two.
   * Key columns are `keep`.
   */
  readonly merge: "replace" | "keep" | Merge;
}

/** Rows for one table, in Postgres's COPY text format, a line each. */
export interface TableRows {
  readonly table: WarehouseTable;
  /** In order: of several rows with one key the last one wins where columns are replaced, the first where they are kept. */
  readonly chunks: readonly CopyChunk[];
}

export interface CopyChunk {
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface Transaction {
  readonly source: SourceName;
  readonly moves: readonly Move[];
  readonly tables: readonly TableRows[];
  /** Operators' states that changed: rows of `stateTable`, in order, of partitions that are moved. Default: none. */
  readonly states?: readonly CopyChunk[];
}

/** A row that the database refused for what it holds. */
export interface RefusedRow {
  /** Index into the transaction's tables, into that table's chunks, and into that chunk's rows. */
  readonly table: number;
  readonly chunk: number;
  readonly row: number;
  readonly reason: string;
}

/** Rows of a transaction were refused for what they hold; nothing was written. Holds all of them. */
export class RefusedRows extends Error {
  override readonly name = "RefusedRows";
  constructor(readonly refused: readonly RefusedRow[]) {
    super(`${refused.length} rows were refused, the first with: ${refused[0]?.reason ?? "no reason given"}`);
  }
}
