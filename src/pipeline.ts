import type { Codec } from "./codecs/mod.ts";
import { columnProblems, type Columns, columnSpecs, type RowOf } from "./columns.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { ConfigError } from "./errors.ts";
import { checkOptions, type Merged } from "./operators/aggregate.ts";
import type { RecordContext } from "./operators/mod.ts";
import type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";
import { planProblems } from "./plan_problems.ts";
import { cutIntoStages } from "./stages.ts";
import { type Output, type Sink, type StageDraft, Stream } from "./stream.ts";
import { isTopicName } from "./topic_name.ts";

export { aggregateOf, isAggregate, isRecordTopic, keepsStates, stageNamed, stagesOf } from "./plan.ts";
export type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";

/** The options of {@linkcode kafka}. */
export interface SourceOptions<T> {
  readonly group: string;
  readonly codec: Codec<T>;
  /** Default: `earliest`. */
  readonly from?: From;
  /** How many partitions the topic gets if it does not exist yet. Default: 8. */
  readonly partitions?: number;
  /** When it happened: a Date or milliseconds since 1970. Default: the record's timestamp. */
  readonly eventTime?: (value: T, record: RecordContext) => Date | number;
  /**
   * How far behind the latest event time of its partition a record may be. The partition's watermark is the latest event
   * time less this; a record whose windows had all ended by then is late: it is counted, and left out of them.
   * Default: no record is ever late.
   */
  readonly lateness?: Duration;
  /**
   * What becomes of a late record: `count` (the default) only counts it, `dead-letter` writes it to the dead letters as
   * well. Its other outputs get it all the same.
   */
  readonly late?: "count" | "dead-letter";
  /**
   * How far ahead of the clock an event time may be and still move the watermark. One beyond it counts in its own windows,
   * but closes none, so that a single wrong clock does not make all others late. Default: 10 minutes, for clocks that
   * are kept differ by seconds, and the usual mistakes, a wrong time zone or a wrong unit, are half an hour or more.
   */
  readonly maxAhead?: Duration;
  /**
   * After how long without a record a partition that is read to its end no longer holds back the source's watermark.
   * When it has records again, those before the watermark are late. Default: 30 seconds.
   */
  readonly idleAfter?: Duration;
}

/**
 * A topic to read: of Kafka, or of the embedded log when no Kafka is set.
 *
 * @throws {TypeError} when an option is not known, or `lateness`, `maxAhead`, `idleAfter` or the `ago` of `from` is not a
 * duration.
 */
export function kafka<T>(topic: string, options: SourceOptions<T>): Source<T> {
  checkOptions(`kafka("${topic}")`, options, sourceOptions);
  const { from = "earliest", late = "count" } = options;
  if (typeof from === "object" && "ago" in from) milliseconds(from.ago);
  if (late !== "count" && late !== "dead-letter") {
    throw new TypeError(
      `kafka("${topic}"): "late" is ${JSON.stringify(late)}; give "count" or "dead-letter"`,
    );
  }
  return {
    topic,
    group: options.group,
    codec: options.codec,
    from,
    partitions: options.partitions ?? 8,
    ...(options.eventTime && { eventTime: options.eventTime }),
    lateness: options.lateness === undefined ? Infinity : milliseconds(options.lateness),
    late,
    maxAhead: milliseconds(options.maxAhead ?? "10m"),
    idleAfter: milliseconds(options.idleAfter ?? "30s"),
  };
}

const sourceOptions = [
  "group",
  "codec",
  "from",
  "partitions",
  "eventTime",
  "lateness",
  "late",
  "maxAhead",
  "idleAfter",
];

/** The options of {@linkcode cassandraTable}. */
export interface CassandraTableOptions<C extends Columns> {
  readonly columns: C;
  readonly key: readonly (keyof C & string)[];
}

/**
 * A Cassandra table, `keyspace.table`: created when absent, refused at start when its columns do not fit. The latest
 * record of a key wins.
 */
export function cassandraTable<const C extends Columns>(
  name: string,
  options: CassandraTableOptions<C>,
): Sink<RowOf<C>> {
  const [keyspace, table, ...rest] = name.split(".");
  if (!keyspace || !table || rest.length > 0 || !isIdentifier(keyspace) || !isIdentifier(table)) {
    throw new TypeError(
      `cassandraTable("${name}"): give "keyspace.table" in lower case letters, digits and _`,
    );
  }
  checkColumns(`cassandraTable("${name}")`, options.columns, options.key);
  const sink: CassandraTable<RowOf<C>> = {
    kind: "cassandra",
    name,
    keyspace,
    table,
    columns: columnSpecs(options.columns),
    key: options.key,
  };
  return sink;
}

/** The options of {@linkcode postgresTable}. */
export interface PostgresTableOptions<C extends Columns> {
  readonly columns: C;
  readonly key: readonly (keyof C & string)[];
  /** What a row does whose key is there already: `update` (the default) replaces it, `ignore` keeps the first. */
  readonly onConflict?: "update" | "ignore";
}

/**
 * A table in the warehouse, `table` or `schema.table`: created when absent, refused at start when its columns do not
 * fit. Rows are written in the transaction that moves the position. Behind an `aggregate` it needs no columns.
 */
export function postgresTable(name: string): Sink<Merged>;
export function postgresTable<const C extends Columns>(
  name: string,
  options: PostgresTableOptions<C>,
): Sink<RowOf<C>>;
export function postgresTable(name: string, options?: PostgresTableOptions<Columns>): Sink<never> {
  const parts = name.split(".");
  const table = parts.at(-1)!;
  const schema = parts.length === 1 ? "public" : parts[0]!;
  if (parts.length > 2 || !isIdentifier(table) || !isIdentifier(schema)) {
    throw new TypeError(
      `postgresTable("${name}"): give "table" or "schema.table" in lower case letters, digits and _`,
    );
  }
  if (schema === "weir") {
    throw new TypeError(`postgresTable("${name}"): the schema "weir" holds Weir's own tables; use another`);
  }
  if (options) checkColumns(`postgresTable("${name}")`, options.columns, options.key);
  const sink: PostgresTable<never> = {
    kind: "postgres",
    name,
    schema,
    table,
    columns: options ? columnSpecs(options.columns) : [],
    key: options?.key ?? [],
    onConflict: options?.onConflict ?? "update",
  };
  return sink;
}

/** The options of {@linkcode topic}. */
export interface TopicOptions<T> {
  /** The record's key: records of one key keep their order and share a partition. */
  readonly key: (value: T) => string | null;
  readonly codec: Codec<T>;
  /** How many partitions the topic gets if it does not exist yet. Default: 8. */
  readonly partitions?: number;
}

/** A topic to write; with a name alone, a dead-letter topic. */
export function topic(name: string): Sink<never>;
export function topic<T>(name: string, options: TopicOptions<T>): Sink<T>;
export function topic<T>(name: string, options?: TopicOptions<T>): Sink<T> {
  checkTopic(`topic("${name}")`, name);
  const sink: TopicSink<T> = {
    kind: "topic",
    name,
    ...(options && { key: options.key, codec: options.codec as Codec<never> }),
    partitions: options?.partitions ?? 8,
  };
  return sink;
}

/** The layers of a pipeline. */
export interface PipelineOptions<T> {
  readonly schedule?: Schedule<NoInfer<T>>;
  readonly source: Source<T>;
  readonly outputs: (stream: Stream<T>) => readonly Output[];
  /** Where records go that fail to decode, to validate or to be written. Default: `<source topic>.dead-letter`. */
  readonly deadLetter?: Sink<never>;
}

/**
 * Describes a pipeline. Nothing is connected or started.
 *
 * @throws {ConfigError} with everything that cannot be right about it.
 *
 * @example
 * ```ts
 * import { json, kafka, map, pipeline, postgresTable } from "weir";
 *
 * const schema = { type: "record", name: "Reading", fields: [{ name: "sensor", type: "string" }] } as const;
 * export default pipeline("readings", {
 *   source: kafka("readings", { group: "weir-readings", codec: json(schema) }),
 *   outputs: (stream) => [
 *     stream.pipe(map((reading) => ({ sensor: reading.sensor.toLowerCase() })))
 *       .to(postgresTable("sensors", { columns: { sensor: "text" }, key: ["sensor"] })),
 *   ],
 * });
 * ```
 */
export function pipeline<T>(name: string, options: PipelineOptions<T>): Pipeline<T> {
  const { schedule, source } = options;
  const drafts: StageDraft[] = [{ nodes: [] }];
  const outputs = options.outputs(new Stream<T>(drafts, 0, 0));
  const deadLetter = options.deadLetter?.name ?? `${source.topic}.dead-letter`;
  const plan = cutIntoStages({ name, ...(schedule && { schedule }), source, deadLetter }, drafts, outputs);
  const problems = planProblems(plan);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `pipeline "${name}": ${problem}`));
  return plan;
}

function checkColumns(what: string, columns: Columns, key: readonly string[]): void {
  const problems = columnProblems(columns, key);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${what} ${problem}`));
}

function checkTopic(what: string, name: string): void {
  if (!isTopicName(name)) {
    throw new TypeError(`${what}: a topic's name is letters, digits, ., _ and -, at most 249`);
  }
}

function isIdentifier(name: string): boolean {
  return /^[a-z_][a-z0-9_]{0,47}$/.test(name);
}
