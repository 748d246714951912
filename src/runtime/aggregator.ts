import { type Fold, merges } from "../merge.ts";
import type { Aggregate, AggregateSpec, GroupKey } from "../operators/aggregate.ts";
import { atOnce } from "../operators/mod.ts";
import type { TableName } from "../warehouse/mod.ts";
import { CopyEncoder } from "../warehouse/copy_text.ts";
import { resultNames, windowColumns } from "../operators/result_names.ts";
import { aggregateTable, batchColumns } from "./aggregate_table.ts";
import type { CurrentRecord } from "./current_record.ts";
import { GroupKeys } from "./group_key.ts";
import { type Group, GroupSet } from "./group_set.ts";
import { foldStates, StatePair } from "./kept_states.ts";
import type { KeyTypes, OutputRows } from "./protocol.ts";

/** Windows begin in the years 1 to 9999, which every database can hold. */
const earliestTime = Date.parse("0001-01-02T00:00:00Z");
const latestTime = Date.parse("9999-12-30T00:00:00Z");

type Measures = readonly unknown[];
type MergeFunction = (held: unknown, brought: unknown) => unknown;

/**
 * Adds up a batch's records by window and key, so that the warehouse merges one row per group instead of one per
 * record. A record's part is held back until the whole record is known to be good, since it cannot be taken out again.
 */
export class Aggregator {
  readonly #spec: AggregateSpec<never>;
  readonly #aggregates: readonly (readonly [name: string, aggregate: Aggregate<never, unknown>])[];
  /** For each accumulator that functions merge, its index and how. */
  readonly #folds: readonly (readonly [index: number, fold: Fold])[];
  readonly #groups: GroupSet;
  readonly #keys: GroupKeys;
  /** What the current record brings: beside each other start, identity, key and measures. */
  readonly #starts: number[] = [];
  readonly #ids: string[] = [];
  readonly #heldKeys: GroupKey[] = [];
  readonly #measures: Measures[] = [];
  #held = 0;
  /** A record that is kept, or the table, has decided what the keys' types are. */
  #hasTypes = false;
  /** The records of the groups: a record's index, and its group. */
  #sources: number[] = [];
  #members: Group[] = [];
  /** The current record's. */
  #index = 0;

  constructor(spec: AggregateSpec<never>) {
    this.#spec = spec;
    this.#aggregates = Object.entries(spec.compute);
    const accumulators = Object.values(spec.compute).flatMap(({ accumulators, folded }) =>
      accumulators.map(({ merge }) => ({ merge, folded }))
    );
    this.#folds = accumulators.flatMap(({ merge, folded }, i) =>
      merge === "fold" && folded ? [[i, folded] as const] : []
    );
    this.#groups = new GroupSet(
      spec.window,
      accumulators.map(({ merge }) => merge === "fold" ? pair : merges[merge] as MergeFunction),
    );
    const results = this.#aggregates.flatMap(([name, aggregate]) => resultNames(name, aggregate));
    this.#keys = new GroupKeys(
      [...(spec.window ? windowColumns : []), ...results],
      spec.window !== undefined,
    );
  }

  /** Starts a task. The key types of the table, once it has them, are those that count. */
  begin(keyTypes: KeyTypes | null): void {
    if (!keyTypes) return;
    this.#keys.types = keyTypes;
    this.#hasTypes = true;
  }

  /** Takes a value of the current record. Answers false when all its windows are closed already: it is late. */
  add(value: never, { context: record, index, watermark }: CurrentRecord): boolean {
    this.#index = index;
    const { window, by } = this.#spec;
    const key = atOnce(by(value, record));
    const id = this.#keys.identify(key);
    const measures = this.#measure(value, record);
    if (!window) {
      this.#hold(0, id, key, measures);
      return true;
    }
    const time = record.eventTime;
    if (!(time >= earliestTime && time <= latestTime)) {
      throw new Error(`the event time ${time} ms is not between the years 1 and 9999`);
    }
    if (window.kind === "session") {
      // Of a session it is not known yet where it ends; a closed one ended at or before the watermark.
      if (time < watermark) return false;
      this.#hold(Math.floor(time), id, key, measures);
      return true;
    }
    const { size, slide } = window;
    let open = false;
    for (let start = Math.floor(time / slide) * slide; start > time - size; start -= slide) {
      if (start + size <= watermark) break;
      this.#hold(start, id, key, measures);
      open = true;
    }
    return open;
  }

  /** The current record is good: its part counts. */
  keep(): void {
    if (this.#held === 0) return this.drop();
    this.#hasTypes = true;
    for (let i = 0; i < this.#held; i++) {
      this.#sources.push(this.#index);
      this.#members.push(
        this.#groups.add(this.#starts[i]!, this.#ids[i]!, this.#heldKeys[i]!, this.#measures[i]!),
      );
    }
    this.#held = 0;
  }

  /** The current record is bad: its part is forgotten. */
  drop(): void {
    if (!this.#hasTypes) this.#keys.forget();
    this.#held = 0;
  }

  /** The partial results since the last call. */
  finish(): OutputRows {
    const groups = this.#groups.take();
    const sources = Uint32Array.from(this.#sources);
    const members = Uint32Array.from(this.#members, (group) => rowOf(group));
    this.#sources = [];
    this.#members = [];
    const keyTypes = this.#keys.types;
    if (!keyTypes || groups.length === 0) {
      const chunk = { count: 0, bytes: new Uint8Array(0) };
      return { kind: "groups", chunk, keyTypes: null, sources, groups: members };
    }
    const columns = batchColumns(aggregateTable(nowhere, this.#spec, keyTypes));
    const encoder = new CopyEncoder(columns);
    const accumulators = columns.slice((this.#spec.window ? 2 : 0) + Object.keys(keyTypes).length);
    for (const { start, end, key, states } of groups) {
      const row: Record<string, unknown> = { ...key };
      if (this.#spec.window) {
        row[windowColumns[0]] = start;
        row[windowColumns[1]] = end;
      }
      for (const [i, fold] of this.#folds) states[i] = foldStates(fold, states[i]);
      accumulators.forEach(({ name }, i) => row[name] = states[i]);
      encoder.add(row);
    }
    return { kind: "groups", chunk: encoder.finish(), keyTypes, sources, groups: members };
  }

  #measure(value: never, record: CurrentRecord["context"]): Measures {
    const aggregates = this.#aggregates;
    if (aggregates.length === 1) return measured(aggregates[0]!, value, record);
    const all: unknown[] = [];
    for (let i = 0; i < aggregates.length; i++) all.push(...measured(aggregates[i]!, value, record));
    return all;
  }

  #hold(start: number, id: string, key: GroupKey, measures: Measures): void {
    const at = this.#held++;
    this.#starts[at] = start;
    this.#ids[at] = id;
    this.#heldKeys[at] = key;
    this.#measures[at] = measures;
  }
}

/** What functions merge is merged when the batch is whole. */
const pair: MergeFunction = (held, brought) => new StatePair(held, brought);

/** Where the table is does not matter for its columns. */
const nowhere: TableName = { schema: "", table: "" };

function measured(
  [name, aggregate]: readonly [string, Aggregate<never, unknown>],
  value: never,
  record: CurrentRecord["context"],
): Measures {
  try {
    return aggregate.measure(value, record);
  } catch (cause) {
    throw new Error(`${aggregate.kind} "${name}"`, { cause });
  }
}

/** The row that a group became part of. */
function rowOf(group: Group): number {
  let last = group;
  while (last.into) last = last.into;
  return last.row;
}
