import { nameOf, type Operator, type RecordContext, type RecordOperator } from "./mod.ts";

/**
 * Gives one value for each one.
 *
 * @example
 * ```ts
 * import { map } from "weir";
 * const lengths = map((line: string) => line.length);
 * ```
 */
export function map<I, O>(fn: (value: I, record: RecordContext) => O): Operator<I, O> {
  const operator: RecordOperator<I, O> = {
    kind: "map",
    name: nameOf(fn, "map"),
    apply: (value, emit, record) => emit(fn(value, record)),
  };
  return operator;
}
