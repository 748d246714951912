import {
  atOnce,
  InvalidRecord,
  nameOf,
  type Operator,
  type RecordContext,
  type RecordOperator,
} from "./mod.ts";
import { checkFunction } from "./options.ts";

/**
 * Sends a record that does not pass to the dead letters, instead of dropping it as `filter` does. The check answers
 * `true` for a good value, and `false` or a text that says what is wrong for a bad one.
 *
 * @throws {TypeError} when it is no function, or an async one.
 *
 * @example
 * ```ts
 * import { validate } from "weir";
 * const plausible = validate((person: { age: number }) => person.age < 150 || `age ${person.age} is too high`);
 * ```
 */
export function validate<T>(
  check: (value: NoInfer<T>, record: RecordContext) => boolean | string,
): Operator<T, T>;
export function validate<I>(check: (value: I, record: RecordContext) => boolean | string): Operator<I, I>;
export function validate<I>(check: (value: I, record: RecordContext) => boolean | string): Operator<I, I> {
  checkFunction("validate()", "fn", check, "(person) => person.age < 150");
  const name = nameOf(check, "validate");
  const operator: RecordOperator<I, I> = {
    kind: "validate",
    name,
    apply: (value, emit, record) => {
      const verdict = atOnce(check(value, record));
      if (verdict !== true) throw new InvalidRecord(verdict || `${name} refused it`);
      emit(value);
    },
  };
  return operator;
}
