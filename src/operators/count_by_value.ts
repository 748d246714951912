import { type Aggregate, aggregate, type AggregateRow, type KeyValue, type Results } from "./aggregate.ts";
import { count } from "./aggregates.ts";
import type { Operator } from "./mod.ts";
import { checkOptions } from "./options.ts";
import { checkWindow, type Window } from "./window.ts";

/** The options of {@linkcode countByValue}. */
export interface CountByValueOptions<W extends Window | undefined = Window | undefined> {
  /** Default: none, one count per value over all time. */
  readonly window?: W;
  /** As for `aggregate`. Default: `updates`. */
  readonly results?: Results;
}

/** How often a value came; with a window, in that window. */
export type CountedRow<T extends KeyValue, W extends Window | undefined = undefined> = AggregateRow<
  { readonly value: T },
  { readonly count: Aggregate<unknown, bigint> },
  W
>;

/**
 * Counts how often each value came: an `aggregate` by the value itself, with the columns `value` and `count`, and the
 * bounds of the window if there is one. Ends where aggregates do, as in a `postgresTable`.
 *
 * @throws {TypeError} when an option is not known, or `results` is `final` without a window.
 *
 * @example
 * ```ts
 * import { countByValue, flatMap, type Stream, postgresTable, tumbling } from "weir";
 * function countWords(lines: Stream<string>) {
 *   const words = lines.pipe(flatMap((line) => line.split(" ")));
 *   return words.pipe(countByValue({ window: tumbling("1m") })).to(postgresTable("words_per_minute"));
 * }
 * ```
 */
export function countByValue<T extends KeyValue, W extends Window | undefined = undefined>(
  options: CountByValueOptions<W> = {},
): Operator<T, CountedRow<T, W>> {
  checkOptions("countByValue()", options, ["window", "results"]);
  const { window, results } = options;
  checkWindow("countByValue()", window);
  const counting = aggregate({
    by: (value: T) => ({ value }),
    ...(window && { window }),
    compute: { count: count() },
    ...(results && { results }),
  });
  return { ...counting, name: "countByValue" } as Operator<T, CountedRow<T, W>>;
}
