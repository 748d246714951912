import { nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";

/**
 * Gives any number of values for each one.
 *
 * @example
 * ```ts
 * import { flatMap } from "weir";
 * const words = flatMap((line: string) => line.split(" "));
 * ```
 */
export function flatMap<I, O>(fn: (value: I, record: RecordContext) => Iterable<O>): Operator<I, O> {
  const operator: RecordOperator<I, O> = {
    kind: "flatMap",
    name: nameOf(fn, "flatMap"),
    apply: (value, emit, record) => {
      for (const each of fn(value, record)) emit(each);
    },
  };
  return operator;
}
