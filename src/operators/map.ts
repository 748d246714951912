import { atOnce, nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";
import { checkFunction } from "./options.ts";

/**
 * Gives one value for each one.
 *
 * @throws {TypeError} when it is no function, or an async one.
 *
 * @example
 * ```ts
 * import { map } from "weir";
 * const lengths = map((line: string) => line.length);
 * ```
 */
export function map<I, O>(fn: (value: I, record: RecordContext) => O): Operator<I, O> {
  checkFunction("map()", "fn", fn, "(line) => line.length");
  const operator: RecordOperator<I, O> = {
    kind: "map",
    name: nameOf(fn, "map"),
    apply: (value, emit, record) => emit(atOnce(fn(value, record))),
  };
  return operator;
}
