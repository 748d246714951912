import type { Duration } from "../duration.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions, durationOf } from "./options.ts";

/** What states are kept by: a value, or several of them in a list. */
export type StateKey = string | number | boolean | readonly (string | number | boolean)[];

/** What becomes of a key's state, and the values that go on. */
export interface StateChange<S, O> {
  /** The new state; undefined removes it. */
  readonly state: S | undefined;
  /** Default: none. */
  readonly emit?: Iterable<O>;
  /**
   * Whether the value came too late for what it belongs to. Its record is counted as late then, and goes to the dead letters
   * as well if the source says so (`late`). Default: false.
   */
  readonly late?: boolean;
}

/** The options of {@linkcode mapWithState}. */
export interface StateOptions<I, K extends StateKey, S, O> {
  /** Whose state a value changes. */
  readonly by: (value: I, record: RecordContext) => K;
  /** The state of a key that has none. */
  readonly initial: (key: K) => S;
  /**
   * Takes a key's state and a value; gives the new state and what goes on. `partitionTime` is what timeouts go by: the
   * partition's largest event time so far, milliseconds since 1970, that was not too far ahead of the clock; -1 before it.
   */
  readonly update: (state: S, value: I, record: RecordContext, partitionTime: number) => StateChange<S, O>;
  /**
   * How long a state is kept after the key's last record, in the partition's event time: its largest so far, so that
   * time stands still while no record comes. Default: for ever.
   */
  readonly timeout?: Duration;
  /**
   * Called with a state that has timed out, before it is removed; what it gives goes on. `record` is the one that moved
   * the time. Default: nothing goes on.
   */
  readonly timedOut?: (state: S, key: K, record: RecordContext) => Iterable<O>;
  /**
   * What the states are kept under in the checkpoint: one that stays finds them again, whatever else of the pipeline
   * changes. Needed when a pipeline has several such operators. Default: `mapWithState`.
   */
  readonly name?: string;
}

/** What of a key's state goes on by itself, each by its own: when it fails, it goes with the record, and the rest stays. */
export interface Lapses<S, O> {
  /** The state without all of them. */
  readonly state: S;
  readonly lapsed: readonly {
    readonly give: () => O;
    /** The state without this one. */
    readonly without: () => S;
  }[];
}

/** The operator that `mapWithState` makes. */
export interface StateOperator<in I, out O> extends Operator<I, O> {
  readonly kind: "mapWithState";
  /** What its states are kept under. */
  readonly stateName: string;
  readonly by: (value: I, record: RecordContext) => StateKey;
  readonly initial: (key: never) => unknown;
  readonly update: (
    state: never,
    value: I,
    record: RecordContext,
    partitionTime: number,
  ) => StateChange<unknown, O>;
  /** Milliseconds; Infinity: states are kept for ever. */
  readonly timeout: number;
  readonly timedOut?: (state: never, key: never, record: RecordContext) => Iterable<O>;
  /**
   * Asked before a state is updated, and with `all` before one that has timed out is removed. Unlike what `update` does, it is
   * done with even if it fails: it would fail every record of the key to come.
   */
  readonly lapses?: (
    state: never,
    record: RecordContext,
    partitionTime: number,
    all: boolean,
  ) => Lapses<unknown, O>;
}

/**
 * Keeps a state for each key, as Spark's `mapWithState` does. States are JSON of at most 64 KiB: a value that JSON
 * cannot hold (NaN, a function, a Date, a bigint) sends the record to the dead letters, and a record that ends there
 * for whatever reason has changed no state. States are in the checkpoint, only those that changed, and move together
 * with the position: every record counts exactly once in them.
 *
 * States belong to a partition. All records of a key must be in the same one, as they are when it is the record's key,
 * or when its key follows from it.
 *
 * @throws {TypeError} when an option is not known or no function, `timeout` is not a duration, or `name` is not up to 100 letters, digits, `.`, `_`, and `-`.
 *
 * @example
 * ```ts
 * import { mapWithState } from "weir";
 *
 * interface Payment {
 *   readonly card: string;
 *   readonly amount: number;
 * }
 * const suspicious = mapWithState({
 *   by: (payment: Payment) => payment.card,
 *   initial: () => ({ payments: 0, spent: 0 }),
 *   update: ({ payments, spent }, { card, amount }) => ({
 *     state: { payments: payments + 1, spent: spent + amount },
 *     emit: amount > 10 * spent / payments ? [{ card, amount }] : [],
 *   }),
 *   timeout: "30d",
 * });
 * ```
 */
export function mapWithState<I, K extends StateKey, S, O = never>(
  options: StateOptions<I, K, S, O>,
): Operator<I, O> {
  const what = "mapWithState()";
  checkOptions(what, options, ["by", "initial", "update", "timeout", "timedOut", "name"]);
  const { by, initial, update, timeout, timedOut, name = "mapWithState" } = options;
  checkFunction(what, "by", by, "(payment) => payment.card");
  checkFunction(what, "initial", initial, "() => 0");
  checkFunction(what, "update", update, "(count, payment) => ({ state: count + 1 })");
  if (timedOut !== undefined) checkFunction(what, "timedOut", timedOut, "(count, card) => [{ card, count }]");
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(name)) {
    throw new TypeError(`mapWithState(): the name "${name}" must be up to 100 letters, digits, ., _ and -`);
  }
  const operator: StateOperator<I, O> = {
    kind: "mapWithState",
    name: name === "mapWithState" ? name : `mapWithState(${name})`,
    stateName: name,
    by,
    initial,
    update,
    timeout: timeout === undefined ? Infinity : durationOf(what, "timeout", timeout),
    ...(timedOut && { timedOut }),
  };
  return operator;
}

/** True for an operator that keeps a state for each key. */
export function isStateful(operator: Operator<never, unknown>): operator is StateOperator<never, unknown> {
  return operator.kind === "mapWithState";
}
