import type { Codec } from "./codecs/mod.ts";
import { columnProblems, type Columns, columnSpecs, type RowOf } from "./columns.ts";
import { ConfigError } from "./errors.ts";
import type { Merged } from "./operators/aggregate.ts";
import { checkCodec, checkFunction, checkOptions, checkPartitions } from "./operators/options.ts";
import type { CassandraTable, PostgresTable, TopicSink } from "./plan.ts";
import { shown } from "./shown.ts";
import type { Sink } from "./stream.ts";
import { isTopicName } from "./topic_name.ts";

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
