import type { Duration } from "../duration.ts";
import type { Pipeline } from "../pipeline.ts";
import type { ProducerRun } from "../producers/mod.ts";
import type { Offset } from "../record.ts";
import type { CellValue, TableRow } from "./copy_rows.ts";

/** The options of {@linkcode testPipeline}. */
export interface TestOptions {
  /** What the clock shows at first: a Date or milliseconds since 1970. Default: 2026-01-01T00:00:00Z. */
  readonly now?: Date | number;
  /** How many partitions the sources have, and the topics of `repartition`s. Default: 1, so that all records keep their order. */
  readonly partitions?: number;
  /** Rows of reference tables, by the table's name. A table that holds its rows itself need not be among them. */
  readonly references?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}

/** A record to send: a value, which the source's codec encodes, or the bytes themselves. */
type SourceTestRecord<T> =
  & ({ readonly value: T } | { readonly bytes: Uint8Array | string | null })
  & {
    /** Default: null. */
    readonly key?: string | null;
    /** Default: by the key's hash, as everywhere in Kafka; 0 without a key. */
    readonly partition?: number;
    /** A Date or milliseconds since 1970. Default: what the clock shows. */
    readonly timestamp?: Date | number;
  };

/** A record to send to the pipeline's source; or to a further one, whose name it gives. */
export type TestRecord<T, S extends object = Record<never, never>> =
  | SourceTestRecord<T> & { readonly source?: undefined }
  | { [N in keyof S]: SourceTestRecord<S[N]> & { readonly source: N } }[keyof S];

/** Where a record is in a topic that the pipeline reads. */
export interface SentRecord {
  /** A source's, or that of a `repartition`. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  readonly timestamp: Date;
  readonly key: string | null;
  /** As the codec decodes it. */
  readonly value: unknown;
}

/** A record of a topic that the pipeline has written. */
export interface WrittenRecord {
  readonly key: string | null;
  /** As the topic's codec decodes it. */
  readonly value: unknown;
}

/** A record that could not go on. */
export interface TestDeadLetter {
  /** Where it failed: `decode`, an operator's name, `write <sink>`. */
  readonly stage: string;
  readonly reason: string;
  /** The record's original bytes. */
  readonly bytes: Uint8Array | null;
  /** The same as text. */
  readonly text: string | null;
  readonly key: string | null;
  /** Where it was; null for a result of an aggregate that its sink refused. */
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: Offset | null;
}

/** How the records of all sources ended: in = out + filtered + deadLettered. */
export interface TestCounts {
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  /** Came too late for a window or a state; they are among the others, too. */
  readonly late: number;
  /** Were too far ahead of the clock to move the watermark; they are among the others, too. */
  readonly ahead: number;
}

/** A pipeline that runs in a test. */
export interface TestRun<in T, S extends object = Record<never, never>> {
  /**
   * Sends records, and resolves when everything that follows from them is done. Where streams of several sources meet, they
   * come in the order in which their records were sent.
   */
  send(...records: readonly TestRecord<T, S>[]): Promise<void>;

  /**
   * Runs the schedule's producer for the time that the clock shows, and sends what it gives. Its waits take no time,
   * and it has no environment and no network but what it is given here. Gives how many records they were.
   *
   * @throws {TypeError} when the pipeline has no schedule.
   */
  produce(run?: Partial<Pick<ProducerRun, "env" | "fetch">>): Promise<number>;

  /** Moves the clock. A partition that got nothing for the source's `idleAfter` no longer holds windows open. */
  advance(by: Duration): Promise<void>;

  /** Ends the worker and starts another, which goes on from the checkpoint: nothing may change by that. */
  restart(): Promise<void>;

  /** Gives a reference table other rows, as a refresh does. */
  refer(table: string, rows: readonly Readonly<Record<string, unknown>>[]): void;

  /**
   * What a table holds now, in the order of its key: columns by name, a `bigint` as bigint and a `timestamp` as Date. Of
   * an aggregate these are its group and its results.
   *
   * @param kind Needed when a Cassandra table and a Postgres table have the same name.
   * @throws {TypeError} when the pipeline writes to no such table.
   */
  rows(table: string, kind?: "cassandra" | "postgres"): TableRow[];

  /**
   * What was written to a topic, in order.
   *
   * @throws {TypeError} when the pipeline does not write to it.
   */
  records(topic: string): WrittenRecord[];

  /** The records that came too late for a window or a state, be it behind a `repartition`, in order. */
  readonly late: readonly SentRecord[];

  /** In the order in which they failed. */
  readonly deadLetters: readonly TestDeadLetter[];

  /** What comes behind a `repartition` is not counted again. */
  readonly counts: TestCounts;

  /** How far the time of `source` has come: windows up to it are closed. Null at first, and without a `lateness`. */
  readonly watermark: Date | null;

  /** What the clock shows. */
  readonly now: Date;
}

export type { CellValue, TableRow };

/**
 * Runs a pipeline in memory, for its author's tests: without broker, database, threads and waiting. The operators, the
 * messages to the worker, the encoding of rows, and the closing of windows are those of a real run; the clock stands
 * still but for `advance`.
 *
 * @throws {TypeError} when an option cannot be right, or a reference table has no rows here.
 *
 * @example
 * ```ts
 * import { aggregate, count, kafka, pipeline, postgresTable, testPipeline, text, tumbling } from "weir";
 * import assert from "node:assert/strict";
 *
 * const words = pipeline("words", {
 *   source: kafka("words", { group: "my-words", codec: text(), lateness: "10s" }),
 *   outputs: (stream) => [
 *     stream.pipe(aggregate({
 *       by: (word) => ({ word }),
 *       window: tumbling("1m"),
 *       compute: { times: count() },
 *       results: "final",
 *     })).to(postgresTable("words_per_minute")),
 *   ],
 * });
 *
 * const test = await testPipeline(words, { now: new Date("2026-01-31T12:00:00Z") });
 * await test.send({ value: "weir" }, { value: "weir" });
 * assert.deepEqual(test.rows("words_per_minute"), []);
 * await test.advance("70s");
 * await test.send({ value: "dam" });
 * assert.deepEqual(test.rows("words_per_minute"), [{
 *   window_start: new Date("2026-01-31T12:00:00Z"),
 *   window_end: new Date("2026-01-31T12:01:00Z"),
 *   word: "weir",
 *   times: 2n,
 * }]);
 * ```
 */
export async function testPipeline<T, S extends object = Record<never, never>>(
  plan: Pipeline<T, S>,
  options: TestOptions = {},
): Promise<TestRun<T, S>> {
  // Loaded here: pipelines themselves need nothing of what runs them.
  const { MemoryRun } = await import("./memory_run.ts");
  return await MemoryRun.start(plan, options);
}
