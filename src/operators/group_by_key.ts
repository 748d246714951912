import { type Aggregate, aggregate, type AggregateRow, type GroupKey, type Results } from "./aggregate.ts";
import { custom } from "./custom.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions } from "./options.ts";
import { checkWindow, type Window } from "./window.ts";

/** The options of {@linkcode groupByKey}. */
export interface GroupByKeyOptions<I, K extends GroupKey, V, W extends Window | undefined> {
  /** The group of a record. Its names become key columns of the result's table. */
  readonly by: (value: I, record: RecordContext) => K;
  /** What of a record is in the list; must be what JSON can hold. */
  readonly value: (value: I, record: RecordContext) => V;
  /** Default: none, one list per group over all time. */
  readonly window?: W;
  /** As for `aggregate`. Default: `updates`. */
  readonly results?: Results;
}

/** A value and its place among all. */
type Placed<V> = readonly [eventTime: number, partition: number, offset: number, value: V];

/**
 * Lists the values of each key, by event time, then partition, then offset: an `aggregate` with a `custom`, whose limits are
 * its own too. Its result is the column `values`, in JSON.
 *
 * A list may have 64 KiB with the places of its values; records that would make it longer are dead letters. So it is for
 * few values, as in short windows; to count or add up, use `aggregate`, which keeps no lists.
 *
 * @throws {TypeError} when an option is not known.
 *
 * @example
 * ```ts
 * import { groupByKey, postgresTable, session, type Stream } from "weir";
 * function visits(clicks: Stream<{ visitor: string; page: string }>) {
 *   const pages = clicks.pipe(groupByKey({
 *     by: ({ visitor }) => ({ visitor }),
 *     value: ({ page }) => page,
 *     window: session("30m"),
 *   }));
 *   return pages.to(postgresTable("visits"));
 * }
 * ```
 */
export function groupByKey<I, K extends GroupKey, V, W extends Window | undefined = undefined>(
  options: GroupByKeyOptions<I, K, V, W>,
): Operator<I, AggregateRow<K, { readonly values: Aggregate<unknown, readonly V[]> }, W>> {
  checkOptions("groupByKey()", options, ["by", "value", "window", "results"]);
  const { by, value, window, results } = options;
  checkFunction("groupByKey()", "by", by, "(click) => ({ visitor: click.visitor })");
  checkFunction("groupByKey()", "value", value, "(click) => click.page");
  checkWindow("groupByKey()", window);
  const listed = custom<I, readonly Placed<V>[], readonly V[]>({
    init: () => [],
    add: (_, each, record) => [[record.eventTime, record.partition, record.offset, value(each, record)]],
    merge: (a, b) => [...a, ...b].sort(byPlace),
    result: (list) => list.map(([, , , each]) => each),
  });
  const operator = aggregate({
    by: by as (value: I, record: RecordContext) => GroupKey,
    ...(window && { window }),
    compute: { values: { ...listed, kind: "groupByKey" } },
    ...(results && { results }),
  });
  return { ...operator, name: "groupByKey" } as Operator<
    I,
    AggregateRow<K, { readonly values: Aggregate<unknown, readonly V[]> }, W>
  >;
}

function byPlace(a: Placed<unknown>, b: Placed<unknown>): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
