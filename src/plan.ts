/** What a pipeline is: plain data, that can be printed, checked and drawn. `pipeline.ts` makes it. */
import type { Codec } from "./codecs/mod.ts";
import type { ColumnSpec } from "./columns.ts";
import type { Duration } from "./duration.ts";
import type { AggregateOperator } from "./operators/aggregate.ts";
import { isStateful, type StateKey } from "./operators/map_with_state.ts";
import type { Operator, RecordContext } from "./operators/mod.ts";
import type { Producer } from "./producers/mod.ts";
import type { Offset } from "./record.ts";
import type { Output, PlanNode, Sink } from "./stream.ts";

/** A topic that a pipeline reads. */
export interface Source<out T> {
  readonly topic: string;
  /** The consumer group: processes of one group share the partitions. */
  readonly group: string;
  readonly codec: Codec<T>;
  readonly from: From;
  /** How many the topic gets if it is absent; `as before`: as many as the largest of those that it is `behind` has. */
  readonly partitions: number | "as before";
  /** Milliseconds since 1970. Default: the record's timestamp. */
  readonly eventTime?: (value: never, record: RecordContext) => Date | number;
  /** Milliseconds that event times may be out of order; Infinity: no record is ever late. */
  readonly lateness: number;
  readonly late: "count" | "dead-letter";
  /** Milliseconds ahead of the clock up to which an event time moves the watermark. */
  readonly maxAhead: number;
  /** Milliseconds without a record after which a partition that is read to its end is idle. */
  readonly idleAfter: number;
  /**
   * The group of the pipeline whose `repartition` writes the topic. Its records carry their times in a header, since their
   * own timestamps are those of its writing; what another group wrote is left out.
   */
  readonly writtenBy?: string;
  /** The topics that its records come from by the `repartition`: it takes values as large as theirs. */
  readonly behind?: readonly string[];
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
  /** How many it gets if it is absent; that of a `repartition` is made by the plan that reads it. */
  readonly partitions?: number;
  /** The `repartition` whose topic it is: its name in dead letters, its pipeline's group, and its key. */
  readonly repartition?: {
    readonly name: string;
    readonly group: string;
    readonly key: (value: never, record: RecordContext) => StateKey;
  };
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

/**
 * A pipeline as plain data: what `weir run` runs, and what the workers build their part from. It reads values of type `T`,
 * and from its further sources those that `S` has by their names.
 */
export interface Pipeline<out T = unknown, out S extends object = Record<never, never>> {
  readonly name: string;
  readonly schedule?: Schedule<T>;
  readonly source: Source<T>;
  /** The further topics that it reads, by the names that the pipeline gives them; each has a plan in `stages`. */
  readonly sources?: { readonly [N in keyof S]: Source<S[N]> };
  readonly nodes: readonly PlanNode[];
  readonly outputs: readonly Output[];
  readonly deadLetter: string;
  /** The topics of the sources whose records may end there, be it behind a `repartition`: it takes values as large as theirs. */
  readonly deadLetterOf: readonly string[];
  /**
   * A plan for each further source, and then one for what comes behind each `repartition`, which reads the topic that this
   * one or some before it in the list write. They have none themselves.
   */
  readonly stages: readonly Pipeline[];
}

/** The plans of a pipeline, each after those that write what it reads: its own first. */
export function stagesOf(pipeline: Pipeline): readonly Pipeline[] {
  return [pipeline, ...pipeline.stages];
}

/** Whether a plan reads what a `repartition` writes, and no source of the pipeline. */
export function isBehindRepartition({ source }: Pick<Pipeline, "source">): boolean {
  return source.writtenBy !== undefined;
}

/** One of a pipeline's plans. */
export function stageNamed(pipeline: Pipeline, name: string): Pipeline {
  const found = stagesOf(pipeline).find((stage) => stage.name === name);
  if (found) return found;
  throw new Error(`the pipeline "${pipeline.name}" has no stage "${name}"`);
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
