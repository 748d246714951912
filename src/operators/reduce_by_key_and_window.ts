import type { GroupKey, Results } from "./aggregate.ts";
import type { CustomResult } from "./custom.ts";
import type { Operator } from "./mod.ts";
import { checkOptions } from "./options.ts";
import { type ReduceByKeyOptions, type ReducedRow, type ReducedType, reducing } from "./reduce_by_key.ts";
import { checkWindow, type Window } from "./window.ts";

/** The options of {@linkcode reduceByKeyAndWindow}. */
export interface ReduceByKeyAndWindowOptions<I, K extends GroupKey, V, T extends ReducedType>
  extends ReduceByKeyOptions<I, K, V, T> {
  readonly window: Window;
  /**
   * Takes the values of a part out again: `inverse(reduce(a, b), b)` is `a`. Spark's DStreams make a window of the one
   * before it with this. It is taken so that such a job can be brought over as it is, and never called: every window has a
   * state of its own here, since records come late and out of order.
   */
  readonly inverse?: (all: V, part: V) => V;
  /** As for `aggregate`. Default: `updates`. */
  readonly results?: Results;
}

/**
 * Reduces the values of each key in each window to one, otherwise as {@linkcode reduceByKey}.
 *
 * @throws {TypeError} when there is no window, or as `reduceByKey`.
 *
 * @example
 * ```ts
 * import { postgresTable, reduceByKeyAndWindow, sliding, type Stream } from "weir";
 * function recentSales(sales: Stream<{ shop: string; cents: number }>) {
 *   const recent = sales.pipe(reduceByKeyAndWindow({
 *     by: ({ shop }) => ({ shop }),
 *     value: ({ cents }) => cents,
 *     reduce: (a, b) => a + b,
 *     type: "double",
 *     window: sliding("30s", "10s"),
 *   }));
 *   return recent.to(postgresTable("recent_sales"));
 * }
 * ```
 */
export function reduceByKeyAndWindow<
  I,
  K extends GroupKey,
  V extends CustomResult<T>,
  T extends ReducedType = "json",
>(options: ReduceByKeyAndWindowOptions<I, K, V, T>): Operator<I, ReducedRow<K, V, Window>> {
  const known = ["by", "value", "reduce", "type", "window", "inverse", "results"];
  checkOptions("reduceByKeyAndWindow()", options, known);
  const { window, results } = options;
  if (window === undefined) {
    throw new TypeError(
      'reduceByKeyAndWindow(): there is no "window"; give one, as in sliding("30s", "10s")',
    );
  }
  checkWindow("reduceByKeyAndWindow()", window);
  return reducing("reduceByKeyAndWindow", options, { window, ...(results && { results }) });
}
