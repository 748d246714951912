import { describeError } from "../errors.ts";
import type { StateOperator } from "../operators/map_with_state.ts";
import { atOnce } from "../operators/mod.ts";
import { keyText, stateText } from "../operators/state.ts";
import { type CurrentRecord, noPartitionTime } from "./current_record.ts";
import { Failure } from "./failure.ts";
import type { KeyedState } from "./keyed_state.ts";

/** How many states a record may time out; the next one goes on, so that no record makes a batch of any size. */
const mostTimedOut = 1_000;

/**
 * A `mapWithState` at work, on the states of one partition after the other. States pass through JSON with every record,
 * so that a restart makes no difference to what a function sees.
 */
export class StateStep {
  readonly #emit: (value: unknown) => void;
  #states!: KeyedState;
  /** A key of whose state something fails that is over, and what stays of it without that; undefined: nothing. */
  #failing: { readonly id: string; readonly rest: () => unknown; readonly at: number } | undefined;

  constructor(
    /** Its node's. */
    readonly id: number,
    readonly operator: StateOperator<never, unknown>,
    emit: (value: unknown) => void,
  ) {
    this.#emit = emit;
  }

  get stateName(): string {
    return this.operator.stateName;
  }

  /** Whether states time out. */
  get times(): boolean {
    return this.operator.timeout < Infinity;
  }

  /** Works on a partition's states from now on. */
  enter(states: KeyedState): void {
    this.#states = states;
  }

  /** Times out the states that are due with this record. */
  timeOut(record: CurrentRecord): void {
    for (const key of this.#due(record)) this.#attempt(() => this.#timeOut(key, record));
  }

  apply(value: never, record: CurrentRecord): void {
    this.#attempt(() => {
      const { by, initial, update } = this.operator;
      const { context, partitionTime } = record;
      const key = atOnce(by(value, context));
      const id = keyText(key);
      if (this.#isDue(this.#states.get(id), record)) this.#timeOut(id, record);
      const held = this.#states.get(id);
      const before = held ? this.#lapse(id, JSON.parse(held.text), record, false) : initial(key as never);
      const change = atOnce(update(before as never, value, context, partitionTime));
      if (typeof change !== "object" || change === null || !("state" in change)) {
        throw new TypeError("update must give the new state and what goes on, as in { state, emit: [] }");
      }
      if (change.late) record.late ??= { stage: this.operator.name, missed: "states" };
      this.#states.set(id, change.state === undefined ? null : stateText(change.state), partitionTime);
      for (const each of change.emit ?? []) this.#emit(each);
    });
  }

  /** The record is good. */
  keep(): void {
    this.#states.keep();
  }

  /** The record is bad. What was over and failed goes all the same: it would fail every record to come. */
  drop(): void {
    this.#states.drop();
    if (this.#failing === undefined) return;
    const { id, rest, at } = this.#failing;
    const state = rest();
    this.#states.set(id, state === undefined ? null : stateText(state), at);
    this.#states.keep();
    this.#failing = undefined;
  }

  /** Removes the states that are due with this record, which is bad, and gives nothing on. */
  forgetDue(record: CurrentRecord): void {
    for (const key of this.#due(record)) {
      if (this.#states.get(key)!.touched !== noPartitionTime) this.#states.set(key, null, 0);
    }
    this.#states.keep();
  }

  #due({ partitionTime }: CurrentRecord): Iterable<string> {
    return this.times ? this.#states.olderThan(partitionTime - this.operator.timeout, mostTimedOut) : [];
  }

  #isDue(held: { readonly touched: number } | undefined, { partitionTime }: CurrentRecord): boolean {
    return held !== undefined && held.touched <= partitionTime - this.operator.timeout;
  }

  #timeOut(key: string, record: CurrentRecord): void {
    const { context, partitionTime } = record;
    const { timedOut, lapses } = this.operator;
    const { text, touched } = this.#states.get(key)!;
    // Its time starts when the partition has one.
    if (touched === noPartitionTime) return this.#states.set(key, text, partitionTime);
    if (lapses) this.#lapse(key, JSON.parse(text), record, true);
    this.#states.set(key, null, 0);
    if (!timedOut) return;
    this.#failing = { id: key, rest: () => undefined, at: 0 };
    for (const each of timedOut(JSON.parse(text) as never, JSON.parse(key) as never, context)) {
      this.#emit(each);
    }
    this.#failing = undefined;
  }

  /** Gives on what of a state goes by itself; gives the state without it. */
  #lapse(id: string, state: unknown, record: CurrentRecord, all: boolean): unknown {
    const { lapses } = this.operator;
    if (!lapses) return state;
    const { context, partitionTime } = record;
    const { state: rest, lapsed } = lapses(state as never, context, partitionTime, all);
    for (const { give, without } of lapsed) {
      this.#failing = { id, rest: without, at: partitionTime };
      this.#emit(give());
    }
    this.#failing = undefined;
    return rest;
  }

  /** What the user's functions throw is this operator's; what comes from further on says so itself. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw error instanceof Failure ? error : new Failure(this.operator.name, describeError(error));
    }
  }
}
