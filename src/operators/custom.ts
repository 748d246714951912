import type { ColumnSpec } from "../columns.ts";
import type { Aggregate } from "./aggregate.ts";
import { type PickedType, type PickedValues, postgresText } from "./first_last.ts";
import { atOnce, type RecordContext } from "./mod.ts";
import { checkFunction, checkOptions } from "./options.ts";
import { stateText } from "./state.ts";

/** The column types that the result of {@linkcode custom} can have; one with a `?` may be null. */
export type CustomType = ResultType | `${ResultType}?`;
type ResultType = PickedType | "json";

interface ResultValues extends PickedValues {
  json: unknown;
}

/** What a column of a type takes. */
export type CustomResult<T extends CustomType> = T extends `${infer N extends ResultType}?`
  ? ResultValues[N] | null
  : T extends ResultType ? ResultValues[T]
  : never;

/** The options of {@linkcode custom}. The functions change nothing that they are given. */
export interface CustomOptions<I, S, R, T extends CustomType> {
  /** The state of no records. */
  readonly init: () => S;
  /** A state with one more record in it. */
  readonly add: (state: S, value: I, record: RecordContext) => S;
  /**
   * The state of the records of both. It must be the same in whatever order and parts records are merged, and
   * `merge(a, add(init(), value))` the same as `add(a, value)`: which records come together differs from run to run.
   */
  readonly merge: (a: S, b: S) => S;
  /** What a state comes to. */
  readonly result: (state: S) => R;
  /** The type of the result's column. Default: `json`. */
  readonly type?: T;
}

/**
 * An aggregate of one's own. Each record is added to a new state, and states are merged: in the worker those of a batch, and
 * then with the group's state in the warehouse, which is read and written in the transaction that moves the position. So
 * every record counts exactly once.
 *
 * States are JSON of at most 64 KiB. A record whose state cannot be kept (NaN, a function, a Date, a bigint, too large), or
 * for which `init` or `add` throws, is a dead letter. Where `merge` or `result` gives or throws such, it is all records of
 * that group in that batch.
 *
 * The warehouse has only a lock for other processes that bring the same keys; `merge` and `result` are called on the main
 * thread, once for each group of a commit, and hold up everything else meanwhile: they should take microseconds.
 *
 * @throws {TypeError} when an option is not known or no function, or the type is none of those that a result can have.
 *
 * @example
 * ```ts
 * import { aggregate, custom } from "weir";
 * const longest = aggregate({
 *   by: (line: { file: string; text: string }) => ({ file: line.file }),
 *   compute: {
 *     longest: custom({
 *       init: () => "",
 *       add: (held, { text }) => text.length > held.length ? text : held,
 *       merge: (a, b) => b.length > a.length || (b.length === a.length && b < a) ? b : a,
 *       result: (text) => text.length,
 *       type: "int",
 *     }),
 *   },
 * });
 * ```
 */
export function custom<I, S, R extends CustomResult<T>, T extends CustomType = "json">(
  options: CustomOptions<I, S, R, T>,
): Aggregate<I, R> {
  checkOptions("custom()", options, ["init", "add", "merge", "result", "type"]);
  const { init, add, merge, result, type } = options;
  checkFunction("custom()", "init", init, "() => 0");
  checkFunction("custom()", "add", add, "(longest, line) => Math.max(longest, line.length)");
  checkFunction("custom()", "merge", merge, "(a, b) => Math.max(a, b)");
  checkFunction("custom()", "result", result, "(longest) => longest");
  const column = columnOf(type ?? "json");
  return {
    kind: "custom",
    accumulators: [{ suffix: "_state", type: "json", merge: "fold" }],
    measure: (value, record) => [kept(atOnce(add(init(), value, record)))],
    folded: {
      type: column.type,
      optional: column.optional,
      merge: (states) => kept((states as readonly S[]).reduce((a, b) => merge(a, b))),
      result: (state) => resultText(column, result(state as S)),
    },
  };
}

interface ResultColumn extends Omit<ColumnSpec, "name"> {
  readonly type: ResultType;
}

function columnOf(type: CustomType): ResultColumn {
  const name = type.replace("?", "");
  if (!resultTypes.includes(name)) {
    throw new TypeError(`custom(): "type" is ${JSON.stringify(type)}; give one of ${resultTypes.join(", ")}`);
  }
  return { type: name as ResultType, optional: type.endsWith("?") };
}

const resultTypes: readonly string[] = ["json", "text", "int", "bigint", "double", "boolean", "timestamp"];

/** A state's text: what comes of it is the same whether it stayed in a worker or was in the warehouse. */
function kept(state: unknown, what?: string): string {
  const text = stateText(state, what);
  if (isStorable(text)) return text;
  throw new TypeError(
    `the ${what ?? "state"} holds a NUL character or half of a surrogate pair, which Postgres cannot store`,
  );
}

/** JSON has escapes by number for these, and for control characters only. */
function isStorable(json: string): boolean {
  if (!json.includes("\\u")) return true;
  return !json.replaceAll("\\\\", "").match(/\\u(?:0000|d)/);
}

function resultText({ type, optional }: ResultColumn, result: unknown): string | null {
  if (optional && (result === null || result === undefined)) return null;
  if (type === "json") return kept(result, "result");
  const text = postgresText(type, result);
  if (text !== undefined) return text;
  throw new TypeError(`the result must be a value for a ${type} column, got ${String(result)}`);
}
