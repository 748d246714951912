import { type Aggregate, aggregate, type AggregateRow, type GroupKey, type Results } from "./aggregate.ts";
import { custom, type CustomResult } from "./custom.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions } from "./options.ts";
import type { Window } from "./window.ts";

/** The column types of values that are reduced: those whose values JSON can hold. */
export type ReducedType = "json" | "text" | "int" | "double" | "boolean";

/** The options of {@linkcode reduceByKey}. */
export interface ReduceByKeyOptions<I, K extends GroupKey, V, T extends ReducedType> {
  /** The group of a record. Its names become key columns of the result's table. */
  readonly by: (value: I, record: RecordContext) => K;
  /** What of a record is reduced. */
  readonly value: (value: I, record: RecordContext) => V;
  /** Makes one value of two; the same in any order and parts. */
  readonly reduce: (a: V, b: V) => V;
  /** The type of the column `value`. Default: `json`. */
  readonly type?: T;
}

/** A key's values, reduced to one. */
export type ReducedRow<K extends GroupKey, V, W extends Window | undefined = undefined> = AggregateRow<
  K,
  { readonly value: Aggregate<unknown, V> },
  W
>;

/**
 * Reduces the values of each key to one, over all time: an `aggregate` with a `custom`, whose limits are its own too. Its
 * result is the column `value`.
 *
 * @throws {TypeError} when an option is not known, or the type is none that values can have.
 *
 * @example
 * ```ts
 * import { postgresTable, reduceByKey, type Stream } from "weir";
 * function longestWords(words: Stream<{ author: string; word: string }>) {
 *   const longest = words.pipe(reduceByKey({
 *     by: ({ author }) => ({ author }),
 *     value: ({ word }) => word,
 *     reduce: (a, b) => b.length > a.length || (b.length === a.length && b < a) ? b : a,
 *     type: "text",
 *   }));
 *   return longest.to(postgresTable("longest_words"));
 * }
 * ```
 */
export function reduceByKey<I, K extends GroupKey, V extends CustomResult<T>, T extends ReducedType = "json">(
  options: ReduceByKeyOptions<I, K, V, T>,
): Operator<I, ReducedRow<K, V>> {
  checkOptions("reduceByKey()", options, ["by", "value", "reduce", "type"]);
  return reducing("reduceByKey", options, {});
}

/** The aggregate behind the operator of a name. */
export function reducing<
  I,
  K extends GroupKey,
  V extends CustomResult<T>,
  T extends ReducedType,
  W extends Window | undefined = undefined,
>(
  name: string,
  { by, value, reduce, type }: ReduceByKeyOptions<I, K, V, T>,
  when: { readonly window?: W; readonly results?: Results },
): Operator<I, ReducedRow<K, V, W>> {
  checkFunction(`${name}()`, "by", by, "(sale) => ({ shop: sale.shop })");
  checkFunction(`${name}()`, "value", value, "(sale) => sale.cents");
  checkFunction(`${name}()`, "reduce", reduce, "(a, b) => a + b");
  if (type !== undefined && !reducedTypes.includes(type)) {
    throw new TypeError(
      `${name}(): "type" is ${JSON.stringify(type)}; give one of ${reducedTypes.join(", ")}`,
    );
  }
  // No record has no value, so the state is a list of one or none.
  const reduced = custom<I, readonly V[], V, T>({
    init: () => [],
    add: (_, each, record) => [value(each, record)],
    merge: ([a], [b]) => [reduce(a!, b!)],
    result: ([only]) => only!,
    ...(type && { type }),
  });
  const operator = aggregate({
    by: by as (value: I, record: RecordContext) => GroupKey,
    compute: { value: { ...reduced, kind: name } },
    ...when,
  });
  return { ...operator, name } as Operator<I, ReducedRow<K, V, W>>;
}

const reducedTypes: readonly ReducedType[] = ["json", "text", "int", "double", "boolean"];
