import type { Codec } from "./codecs/mod.ts";
import { columnProblems, type Columns, columnSpecs, type RowOf } from "./columns.ts";
import type { Duration } from "./duration.ts";
import { ConfigError } from "./errors.ts";
import type { Merged } from "./operators/aggregate.ts";
import type { RecordContext } from "./operators/mod.ts";
import {
  checkCodec,
  checkFunction,
  checkOptions,
  checkPartitions,
  durationOf,
  durationOrZero,
} from "./operators/options.ts";
import type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";
import { listProblems, planProblems } from "./plan_problems.ts";
import { shown } from "./shown.ts";
import { cutIntoStages } from "./stages.ts";
import { type Output, type Sink, type StageDraft, Stream } from "./stream.ts";
import { isTopicName } from "./topic_name.ts";

export { aggregateOf, isAggregate, isRecordTopic, keepsStates, stageNamed, stagesOf } from "./plan.ts";
export type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";

/** The options of {@linkcode kafka}. */
export interface SourceOptions<T> {
  readonly group: string;
  readonly codec: Codec<T, NoInfer<T>>;
  /** Default: `earliest`. */
  readonly from?: From;
  /** How many partitions the topic gets if it does not exist yet. Default: 8. */
  readonly partitions?: number;
  /** When it happened: a Date or milliseconds since 1970. Default: the record's timestamp. */
  readonly eventTime?: (value: T, record: RecordContext) => Date | number;
  /**
   * How far behind the latest event time of its partition a record may be. The partition's watermark is the latest event
   * time less this; a record whose windows had all ended by then is late: it is counted, and left out of them. May be 0.
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
 * @throws {TypeError} when an option is not known, or cannot be right.
 */
export function kafka<T>(topic: string, options: SourceOptions<T>): Source<T> {
  const what = `kafka("${topic}")`;
  checkOptions(what, options, sourceOptions);
  const { codec, from = "earliest", eventTime, lateness, late = "count" } = options;
  checkCodec(what, codec);
  checkFrom(what, from);
  if (eventTime !== undefined) {
    checkFunction(what, "eventTime", eventTime, "(reading) => Date.parse(reading.at)");
  }
  if (late !== "count" && late !== "dead-letter") {
    throw new TypeError(`${what}: "late" is ${shown(late)}; give "count" or "dead-letter"`);
  }
  return {
    topic,
    group: options.group,
    codec,
    from,
    partitions: options.partitions ?? 8,
    ...(eventTime && { eventTime }),
    lateness: lateness === undefined ? Infinity : durationOrZero(what, "lateness", lateness),
    late,
    maxAhead: durationOf(what, "maxAhead", options.maxAhead ?? "10m"),
    idleAfter: durationOf(what, "idleAfter", options.idleAfter ?? "30s"),
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

/** What a time or an offset is, is told with all else that is wrong with the pipeline. */
function checkFrom(what: string, from: From): void {
  if (from === "earliest" || from === "latest") return;
  if (typeof from === "object" && from !== null && !Array.isArray(from)) {
    if ("ago" in from) durationOf(what, "from", from.ago);
    const isPosition = (name: string) => ["ago", "timestamp"].includes(name) || /^\d+$/.test(name);
    if (!(from instanceof Date) && Object.keys(from).every(isPosition)) return;
  }
  throw new TypeError(
    `${what}: "from" is ${
      shown(from)
    }; give "earliest", "latest", { timestamp: new Date(...) }, { ago: "2d" }, or ` +
      "offsets as in { 0: 120 }",
  );
}

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
  checkOptions(`cassandraTable("${name}")`, options, ["columns", "key"]);
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
  if (options !== undefined) {
    const what = `postgresTable("${name}")`;
    checkOptions(what, options, ["columns", "key", "onConflict"]);
    checkColumns(what, options.columns, options.key);
    const { onConflict } = options;
    if (onConflict !== undefined && onConflict !== "update" && onConflict !== "ignore") {
      throw new TypeError(`${what}: "onConflict" is ${shown(onConflict)}; give "update" or "ignore"`);
    }
  }
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
  /** It writes the values; behind an `aggregate` they have bigints and, with a window, `Date`s, which `json` takes. */
  readonly codec: Codec<unknown, T>;
  /** How many partitions the topic gets if it does not exist yet. Default: 8. */
  readonly partitions?: number;
}

/** A topic to write; with a name alone, a dead-letter topic. */
export function topic(name: string): Sink<never>;
export function topic<T>(name: string, options: TopicOptions<T>): Sink<T>;
export function topic<T>(name: string, options?: TopicOptions<T>): Sink<T> {
  const what = `topic("${name}")`;
  checkTopic(what, name);
  if (options !== undefined) {
    checkOptions(what, options, ["key", "codec", "partitions"]);
    checkFunction(what, "key", options.key, "(user) => user.id");
    checkCodec(what, options.codec);
    if (options.partitions !== undefined) checkPartitions(what, options.partitions);
  }
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
  const what = `pipeline "${name}"`;
  checkOptions(what, options, ["schedule", "source", "outputs", "deadLetter"]);
  const { schedule, source } = options;
  if (typeof source?.topic !== "string") {
    throw new TypeError(`${what}: "source" is ${shown(source)}; give one, as in kafka(...)`);
  }
  if (schedule !== undefined) checkOptions(`${what}: "schedule"`, schedule, ["cron", "produce", "atStart"]);
  checkFunction(what, "outputs", options.outputs, "(stream) => [stream.to(...)]");
  if (options.deadLetter !== undefined && options.deadLetter?.kind !== "topic") {
    throw new TypeError(`${what}: "deadLetter" is ${shown(options.deadLetter)}; give topic("name")`);
  }
  const drafts: StageDraft[] = [{ nodes: [], outputs: [] }];
  const outputs = options.outputs(new Stream<T>(drafts, 0, 0));
  if (!Array.isArray(outputs)) {
    throw new TypeError(
      `${what}: "outputs" gave ${shown(outputs)}; return a list, as in (stream) => [stream.to(...)]`,
    );
  }
  refuse(what, listProblems(outputs, drafts.flatMap((draft) => draft.outputs)));
  const deadLetter = options.deadLetter?.name ?? `${source.topic}.dead-letter`;
  const plan = cutIntoStages({ name, ...(schedule && { schedule }), source, deadLetter }, drafts, outputs);
  refuse(what, planProblems(plan));
  return plan;
}

/** @throws {ConfigError} with the problems, if there are any. */
function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${what}: ${problem}`));
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
