import type { ColumnType } from "../columns.ts";
import type { Fold, Merge } from "../merge.ts";
import { shown } from "../shown.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions } from "./options.ts";
import { checkResultNames } from "./result_names.ts";
import { checkWindow, type Window } from "./window.ts";

/** A value that records can be grouped by: it becomes a column of the result's key. */
export type KeyValue = string | number | bigint | boolean;

/** Column names to the values that a record is grouped by. */
export type GroupKey = Readonly<Record<string, KeyValue>>;

/** One value that is kept for a group. An aggregate keeps one or more, and its result is made of them. */
export interface Accumulator {
  /** Behind the result's name in the table: `""`, `_sum`, ... */
  readonly suffix: string;
  readonly type: "bigint" | "double" | "json";
  /** How partial results are merged, in a worker and in the warehouse's SQL alike; `fold` by the aggregate's own. */
  readonly merge: Merge | "fold";
}

/** What is computed for a group: what it keeps, what a record adds to it, and the result. */
export interface Aggregate<in I, out R> {
  readonly kind: string;
  readonly accumulators: readonly Accumulator[];
  /** What one record brings, one value per accumulator; throws when it is none that can be kept. */
  readonly measure: (value: I, record: RecordContext) => readonly unknown[];
  /** How the warehouse makes the result of the accumulators, when it is not just the first. */
  readonly result?: Result;
  /** How states are merged, and the result is made of them, where SQL cannot: the first accumulator holds states. */
  readonly folded?: Folded;
  /** Carries the type only; there is never a value. */
  readonly resultType?: R;
}

/** A result that is computed in SQL. */
export interface Result {
  /** `$0` is the first accumulator's column. Must depend on nothing else, time zones and languages included. */
  readonly expression: string;
  /** The same in TypeScript, of the accumulators' values: a `bigint` as bigint, `json` parsed. */
  readonly of: (...accumulators: never[]) => unknown;
  readonly type: ColumnType;
  /** It may be null. */
  readonly optional: boolean;
}

/** A result that functions of the pipeline make. */
export interface Folded extends Fold {
  readonly type: ColumnType;
  /** It may be null. */
  readonly optional: boolean;
}

/** Result names to aggregates. */
export type Aggregates<I> = Readonly<Record<string, Aggregate<I, unknown>>>;

/** What every aggregated row of a windowed aggregate starts with. */
export interface WindowBounds {
  readonly window_start: Date;
  readonly window_end: Date;
}

/** Marks rows that the warehouse merges: a `postgresTable` without columns takes no others. */
declare const merged: unique symbol;
export interface Merged {
  readonly [merged]: true;
}

/** A row of an aggregate's results. */
export type AggregateRow<K extends GroupKey, A, W extends Window | undefined = undefined> =
  & Merged
  & (W extends Window ? WindowBounds : unknown)
  & K
  & { readonly [N in keyof A]: A[N] extends Aggregate<never, infer R> ? R : never };

/** An aggregate as a pipeline's plan holds it, checked and with its defaults. */
export interface AggregateSpec<I> {
  readonly by: (value: I, record: RecordContext) => GroupKey;
  readonly window?: Window;
  readonly compute: Aggregates<I>;
  readonly results: Results;
}

/** When results go out: with each change, or once, when the watermark has passed their window. */
export type Results = "updates" | "final";

/** The operator that `aggregate` makes. */
export interface AggregateOperator<in I, out O> extends Operator<I, O> {
  readonly kind: "aggregate";
  readonly spec: AggregateSpec<never>;
}

/** Results that have none of a key's names, as far as these are known when the pipeline is compiled. */
export type ApartFrom<K extends GroupKey> = string extends keyof K ? unknown
  : { readonly [N in keyof K]?: never };

/** The options of {@linkcode aggregate}. */
export interface AggregateOptions<
  I,
  K extends GroupKey,
  A extends Aggregates<I>,
  W extends Window | undefined = Window | undefined,
> {
  /** The group of a record. Its names become key columns of the result's table. */
  readonly by: (value: I, record: RecordContext) => K;
  /** Default: none, one result per group over all time. */
  readonly window?: W;
  /**
   * Result columns and what each computes. Names are lower case letters, digits and _, at most 48 of them, and none is that
   * of a key's column, of `window_start` or `window_end`, or of what another result is computed from, as `mean_sum` and
   * `mean_count` beside `mean: avg(...)`.
   */
  readonly compute: A & ApartFrom<K>;
  /**
   * `updates` (the default) writes a result with every transaction that changes it; `final` writes it once, when its window
   * has closed: when the source's watermark has come to the window's end.
   */
  readonly results?: Results;
}

/**
 * Groups records by key, and by window if given, and keeps results for each group. Workers add up a batch; the
 * warehouse merges, in the transaction that moves the position: every record counts exactly once.
 *
 * @throws {TypeError} when `compute` is empty, a result's name cannot be a column's or is taken by another's, an option is
 * not known or cannot be right, or `results` is `final` without a window.
 *
 * @example
 * ```ts
 * import { aggregate, avg, count, tumbling } from "weir";
 * const perMinute = aggregate({
 *   by: (reading: { sensor: string; celsius: number }) => ({ sensor: reading.sensor }),
 *   window: tumbling("1m"),
 *   compute: { readings: count(), mean: avg((reading) => reading.celsius) },
 * });
 * ```
 */
export function aggregate<
  I,
  K extends GroupKey,
  A extends Aggregates<I>,
  W extends Window | undefined = undefined,
>(options: AggregateOptions<I, K, A, W>): Operator<I, AggregateRow<K, A, W>> {
  checkOptions("aggregate()", options, ["by", "window", "compute", "results"]);
  const { by, window, compute, results = "updates" } = options;
  checkFunction("aggregate()", "by", by, "(reading) => ({ sensor: reading.sensor })");
  checkWindow("aggregate()", window);
  if (typeof compute !== "object" || compute === null) {
    throw new TypeError(
      `aggregate(): "compute" is ${shown(compute)}; give results, as in { records: count() }`,
    );
  }
  if (Object.keys(compute).length === 0) {
    throw new TypeError(
      'aggregate(): "compute" is empty; give at least one result, as in { records: count() }',
    );
  }
  for (const [name, result] of Object.entries(compute)) {
    if (typeof result?.measure === "function") continue;
    throw new TypeError(
      `aggregate(): the result "${name}" is ${shown(result)}; give count(), sum(...) or another`,
    );
  }
  checkResultNames(compute as Aggregates<never>, window !== undefined);
  if (results !== "updates" && results !== "final") {
    throw new TypeError(
      `aggregate(): "results" is ${shown(results)}; give "updates" or "final"`,
    );
  }
  if (results === "final" && !window) {
    throw new TypeError(
      'aggregate(): "results" is "final", but without a window a result is never final; give a window, as in tumbling("1m")',
    );
  }
  const spec: AggregateSpec<I> = { by, ...(window && { window }), compute, results };
  const operator: AggregateOperator<I, AggregateRow<K, A, W>> = {
    kind: "aggregate",
    name: "aggregate",
    spec,
  };
  return operator;
}
