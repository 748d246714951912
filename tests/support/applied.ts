import type { Operator, RecordContext, RecordOperator } from "../../src/operators/mod.ts";

/** Where the values of {@linkcode applied} come from. */
export const record: RecordContext = {
  topic: "t",
  partition: 3,
  offset: 12,
  timestamp: 1_000,
  eventTime: 900,
};

/** What an operator gives for each value, in order. */
export function applied<I, O>(operator: Operator<I, O>, ...values: readonly I[]): O[] {
  const given: O[] = [];
  for (const value of values) {
    (operator as RecordOperator<I, O>).apply(value, (each) => given.push(each), record);
  }
  return given;
}
