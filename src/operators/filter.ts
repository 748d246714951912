import { atOnce, nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";
import { checkFunction } from "./options.ts";

/**
 * Lets through what the predicate holds for; the rest is counted as filtered. A type guard narrows the type.
 *
 * @throws {TypeError} when it is no function, or an async one.
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
  checkFunction("filter()", "fn", predicate, "(person) => person.age >= 18");
  const operator: RecordOperator<I, I> = {
    kind: "filter",
    name: nameOf(predicate, "filter"),
    apply: (value, emit, record) => {
      if (atOnce(predicate(value, record))) emit(value);
    },
  };
  return operator;
}
