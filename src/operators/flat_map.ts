import { atOnce, nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";
import { checkFunction } from "./options.ts";
import { shown } from "../shown.ts";

/**
 * Gives any number of values for each one.
 *
 * @throws {TypeError} when it is no function, or an async one.
 *
 * @example
 * ```ts
 * import { flatMap } from "weir";
 * const words = flatMap((line: string) => line.split(" "));
 * ```
 */
export function flatMap<I, O>(fn: (value: I, record: RecordContext) => Iterable<O>): Operator<I, O> {
  checkFunction("flatMap()", "fn", fn, '(line) => line.split(" ")');
  const operator: RecordOperator<I, O> = {
    kind: "flatMap",
    name: nameOf(fn, "flatMap"),
    apply: (value, emit, record) => {
      const values = atOnce(fn(value, record));
      if (typeof values?.[Symbol.iterator] !== "function") {
        throw new TypeError(
          `the function gave ${shown(values)}; it must give values that can be iterated, as in a list`,
        );
      }
      for (const each of values) emit(each);
    },
  };
  return operator;
}
