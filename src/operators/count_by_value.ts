import { type Aggregate, aggregate, type AggregateRow, type KeyValue } from "./aggregate.ts";
import { count } from "./aggregates.ts";
import type { Operator } from "./mod.ts";
import { checkOptions } from "./options.ts";
import { checkWindow, type Window } from "./window.ts";

/** The options of {@linkcode countByValue}. */
export interface CountByValueOptions {
  /** Default: none, one count per value over all time. */
  readonly window?: Window;
}

/**
 * Counts how often each value came: an `aggregate` by the value itself, with the columns `value` and `count`. Ends in
 * a `postgresTable`.
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
export function countByValue<T extends KeyValue>(
  options: CountByValueOptions = {},
): Operator<T, AggregateRow<{ readonly value: T }, { readonly count: Aggregate<unknown, bigint> }>> {
  checkOptions("countByValue()", options, ["window"]);
  const { window } = options;
  checkWindow("countByValue()", window);
  const counting = aggregate({
    by: (value: T) => ({ value }),
    ...(window && { window }),
    compute: { count: count() },
  });
  return { ...counting, name: "countByValue" };
}
