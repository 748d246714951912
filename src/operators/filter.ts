import { nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";

/**
 * Lets through what the predicate holds for; the rest is counted as filtered. A type guard narrows the type.
 *
 * @example
 * ```ts
 * import { filter } from "weir";
 * const adults = filter((person: { age: number }) => person.age >= 18);
 * ```
 */
export function filter<I, O extends I>(
  predicate: (value: I, record: RecordContext) => value is O,
): Operator<I, O>;
export function filter<T>(predicate: (value: NoInfer<T>, record: RecordContext) => boolean): Operator<T, T>;
export function filter<I>(predicate: (value: I, record: RecordContext) => boolean): Operator<I, I>;
export function filter<I>(predicate: (value: I, record: RecordContext) => boolean): Operator<I, I> {
  const operator: RecordOperator<I, I> = {
    kind: "filter",
    name: nameOf(predicate, "filter"),
    apply: (value, emit, record) => {
      if (predicate(value, record)) emit(value);
    },
  };
  return operator;
}
