import type { Codec } from "./codecs/mod.ts";
import { columnProblems, type Columns, type ColumnSpec, columnSpecs, type RowOf } from "./columns.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { ConfigError } from "./errors.ts";
import { type AggregateOperator, checkOptions, type Merged } from "./operators/aggregate.ts";
import { isJoin } from "./operators/join.ts";
import { isStateful } from "./operators/map_with_state.ts";
import type { Operator, RecordContext } from "./operators/mod.ts";
import type { Producer } from "./producers/mod.ts";
import type { Offset } from "./record.ts";
import { type Output, type PlanNode, type Sink, Stream } from "./stream.ts";

/** A topic that a pipeline reads. */
export interface Source<out T> {
  readonly topic: string;
  /** The consumer group: processes of one group share the partitions. */
  readonly group: string;
  readonly codec: Codec<T>;
  readonly from: From;
  readonly partitions: number;
  /** Milliseconds since 1970. Default: the record's timestamp. */
  readonly eventTime?: (value: never, record: RecordContext) => Date | number;
  /** Milliseconds that event times may be out of order; Infinity: no record is ever late. */
  readonly lateness: number;
  readonly late: "count" | "dead-letter";
  /** Milliseconds ahead of the clock up to which an event time moves the watermark. */
  readonly maxAhead: number;
  /** Milliseconds without a record after which a partition that is read to its end is idle. */
  readonly idleAfter: number;
}

/**
 * Where a group starts that has no position yet: at the earliest record, after the latest, at the first records from a
 * time on (`timestamp` in milliseconds since 1970, or `ago` as in `{ ago: "2d" }`, by the records' timestamps), or at
 * given offsets per partition (partitions without one start at the earliest).
 */
export type From =
  | "earliest"
  | "latest"
  | { readonly timestamp: Date | number }
  | { readonly ago: Duration }
  | Readonly<Record<number, Offset>>;

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

/** A table in Cassandra, or in the embedded tables when no Cassandra is set. */
export interface CassandraTable<in T> extends Sink<T> {
  readonly kind: "cassandra";
  readonly keyspace: string;
  readonly table: string;
  readonly columns: readonly ColumnSpec[];
  /** The primary key: the first is the partition key, the others are clustering columns. */
  readonly key: readonly string[];
}

/** A table in the warehouse. Without columns it takes an aggregate's results, and its columns follow from them. */
export interface PostgresTable<in T> extends Sink<T> {
  readonly kind: "postgres";
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly ColumnSpec[];
  readonly key: readonly string[];
  readonly onConflict: "update" | "ignore";
}

/** A topic to write. Without a codec it can only be a pipeline's dead-letter topic. */
export interface TopicSink<in T> extends Sink<T> {
  readonly kind: "topic";
  readonly key?: (value: never) => string | null;
  readonly codec?: Codec<never>;
  readonly partitions: number;
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

/** When a pipeline's producer runs. */
export interface Schedule<out T> {
  /**
   * Five fields as in crontab(5), in UTC: minute, hour, day of the month, month, day of the week; `*`, numbers, names
   * (`JAN`, `MON`), lists, rising ranges and steps. Days of the week count from 0 (or 7) for Sunday, as in every
   * crontab; `Deno.cron` itself counts from 1. When both days are given, either one will do.
   */
  readonly cron: string;
  readonly produce: Producer<T>;
  /** Also run once when the process starts, so that nobody waits for the first record. Default: true. */
  readonly atStart?: boolean;
}

/** The layers of a pipeline. */
export interface PipelineOptions<T> {
  readonly schedule?: Schedule<NoInfer<T>>;
  readonly source: Source<T>;
  readonly outputs: (stream: Stream<T>) => readonly Output[];
  /** Where records go that fail to decode, to validate or to be written. Default: `<source topic>.dead-letter`. */
  readonly deadLetter?: Sink<never>;
}

/** A pipeline as plain data: what `weir run` runs, and what the workers build their part from. It reads values of type `T`. */
export interface Pipeline<out T = unknown> {
  readonly name: string;
  readonly schedule?: Schedule<T>;
  readonly source: Source<T>;
  readonly nodes: readonly PlanNode[];
  readonly outputs: readonly Output[];
  readonly deadLetter: string;
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
  const nodes: PlanNode[] = [];
  const outputs = options.outputs(new Stream<T>(nodes, 0));
  const deadLetter = options.deadLetter?.name ?? `${source.topic}.dead-letter`;
  const plan: Pipeline<T> = { name, ...(schedule && { schedule }), source, nodes, outputs, deadLetter };
  const problems = planProblems(plan);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `pipeline "${name}": ${problem}`));
  return plan;
}

/** True for an operator whose results the warehouse merges. */
export function isAggregate(
  operator: Operator<never, unknown>,
): operator is AggregateOperator<never, unknown> {
  return operator.kind === "aggregate";
}

/** The aggregate that an output's rows come from, if they do. */
export function aggregateOf(plan: Pipeline, output: Output): AggregateOperator<never, unknown> | undefined {
  const operator = plan.nodes[output.node - 1]?.operator;
  return operator && isAggregate(operator) ? operator : undefined;
}

/** Whether an output takes what each record gives to a topic, and no aggregate's results. */
export function isRecordTopic(plan: Pipeline, output: Output): boolean {
  return output.sink.kind === "topic" && !aggregateOf(plan, output);
}

/** Whether any operator keeps states: what becomes of a record then depends on those before it. */
export function keepsStates({ nodes }: Pick<Pipeline, "nodes">): boolean {
  return nodes.some(({ operator }) => isStateful(operator));
}

function planProblems(plan: Pipeline): string[] {
  const problems: string[] = [];
  const { source, outputs, nodes, deadLetter } = plan;
  if (!/^[a-z][a-z0-9_-]{0,47}$/.test(plan.name)) {
    problems.push("its name must be lower case letters, digits, _ and -, starting with a letter, at most 48");
  }
  if (!isTopic(source.topic)) problems.push(`"${source.topic}" is not a topic's name`);
  if (!source.group) {
    problems.push("its source has no group; name the consumer group, as in { group: 'weir-users' }");
  }
  if (!Number.isInteger(source.partitions) || source.partitions < 1) {
    problems.push(`its source has ${source.partitions} partitions; give a whole number from 1`);
  }
  if (typeof source.from === "object" && "timestamp" in source.from) {
    const timestamp = Number(source.from.timestamp);
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
      problems.push(`its source starts at the time ${timestamp}; give a Date, or milliseconds since 1970`);
    }
  } else if (typeof source.from === "object" && !("ago" in source.from)) {
    for (const [partition, offset] of Object.entries(source.from)) {
      if (!Number.isSafeInteger(offset) || offset < 0) {
        problems.push(`its source starts at ${offset} in partition ${partition}; give a whole number from 0`);
      }
    }
  }
  if (outputs.length === 0) problems.push("it has no outputs, so nothing would be written");
  const seen = new Set<string>();
  for (const output of outputs) {
    const { kind, name } = output.sink;
    if (seen.has(`${kind} ${name}`)) problems.push(`two outputs write to the ${kind} "${name}"`);
    seen.add(`${kind} ${name}`);
    problems.push(...outputProblems(plan, output));
    if (aggregateOf(plan, output)?.spec.results === "final" && source.lateness === Infinity) {
      problems.push(
        `${kind} "${name}" takes final results, but no window ever closes: give the source a lateness, as in { lateness: "1m" }`,
      );
    }
  }
  for (const node of nodes) {
    if (node.parents.some((parent) => nodes[parent - 1] && isAggregate(nodes[parent - 1]!.operator))) {
      problems.push(
        `${node.operator.name} follows an aggregate, whose results are merged in the warehouse; map before`,
      );
    }
  }
  problems.push(...stateProblems(plan), ...referenceProblems(plan));
  for (
    const name of [
      source.topic,
      ...outputs.filter((o) => o.sink.kind === "topic").map((o) => o.sink.name),
    ]
  ) {
    if (name === deadLetter) {
      problems.push(`its dead letters would go to "${name}", which it also reads or writes`);
    }
  }
  return problems;
}

function stateProblems({ nodes }: Pipeline): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { operator } of nodes) {
    if (!isStateful(operator)) continue;
    if (names.has(operator.stateName)) {
      problems.push(`two operators keep states as "${operator.stateName}"; give each a "name" of its own`);
    }
    names.add(operator.stateName);
  }
  return problems;
}

function referenceProblems({ nodes }: Pipeline): string[] {
  const tables = new Map<string, unknown>();
  const problems: string[] = [];
  for (const { operator } of nodes) {
    if (!isJoin(operator)) continue;
    const { table } = operator;
    if ((tables.get(table.name) ?? table) !== table) {
      problems.push(`two reference tables are named "${table.name}"; give each a name of its own`);
    }
    tables.set(table.name, table);
  }
  return problems;
}

function outputProblems(plan: Pipeline, output: Output): string[] {
  const { sink } = output;
  const aggregated = aggregateOf(plan, output) !== undefined;
  const spec = aggregateOf(plan, output)?.spec;
  if (spec?.window?.kind === "session" && spec.results === "updates" && sink.kind !== "postgres") {
    return [
      `${sink.kind} "${sink.name}" takes updates of sessions, but cannot take back one that became part of another; ` +
      'give the aggregate results: "final", or write to a postgresTable',
    ];
  }
  if (!aggregated && sink.kind === "postgres" && (sink as PostgresTable<never>).columns.length === 0) {
    return [`postgresTable("${sink.name}") has no columns; only an aggregate's table can go without`];
  }
  if (aggregated && sink.kind === "postgres" && (sink as PostgresTable<never>).columns.length > 0) {
    return [
      `postgresTable("${sink.name}") has columns, but takes an aggregate, whose columns follow from it`,
    ];
  }
  if (sink.kind === "topic" && !(sink as TopicSink<never>).codec) {
    return [`topic("${sink.name}") has no codec and key; give both to write to it`];
  }
  if (sink.kind === "topic" && sink.name === plan.source.topic) {
    return [`it writes to "${sink.name}", the topic it reads: its records would go round for ever`];
  }
  return [];
}

function checkColumns(what: string, columns: Columns, key: readonly string[]): void {
  const problems = columnProblems(columns, key);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${what} ${problem}`));
}

function checkTopic(what: string, name: string): void {
  if (!isTopic(name)) {
    throw new TypeError(`${what}: a topic's name is letters, digits, ., _ and -, at most 249`);
  }
}

function isTopic(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..";
}

function isIdentifier(name: string): boolean {
  return /^[a-z_][a-z0-9_]{0,47}$/.test(name);
}
