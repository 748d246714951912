import type { AggregateSpec, GroupKey, KeyValue } from "../operators/aggregate.ts";
import { windowStarts } from "../operators/window.ts";
import type { PostgresTable } from "../pipeline.ts";
import { CopyEncoder } from "../warehouse/copy_text.ts";
import type { CurrentRecord } from "./collectors.ts";
import { aggregateTable, windowColumns } from "./aggregate_table.ts";
import { type KeyType, keyTypeOf, type KeyTypes, type OutputRows } from "./protocol.ts";

/** The most bytes of a whole key: an entry of Postgres's index takes 2,704, with its bounds and heads. */
const longestKey = 2_500;

/** Windows begin in the years 1 to 9999, which every database can hold. */
const earliestTime = Date.parse("0001-01-02T00:00:00Z");
const latestTime = Date.parse("9999-12-30T00:00:00Z");

interface Group {
  /** The row that it will be. */
  readonly number: number;
  readonly start: number;
  readonly key: GroupKey;
  readonly accumulators: number[];
}

/**
 * Adds up a batch's records by window and key, so that the warehouse merges one row per group instead of one per
 * record. A record's part is held back until the whole record is known to be good, since it cannot be taken out again.
 */
export class Aggregator {
  readonly #sink: PostgresTable<never>;
  readonly #spec: AggregateSpec<never>;
  readonly #merges: readonly ("sum" | "min" | "max")[];
  readonly #groups = new Map<string, Group>();
  readonly #held: { id: string; start: number; key: GroupKey; measures: number[] }[] = [];
  readonly #utf8 = new TextEncoder();
  /** The records of the groups: a record's index, and its group's number. */
  #sources: number[] = [];
  #members: number[] = [];
  #keyTypes: KeyTypes | null = null;
  /** The current record's. */
  #index = 0;

  constructor(sink: PostgresTable<never>, spec: AggregateSpec<never>) {
    this.#sink = sink;
    this.#spec = spec;
    this.#merges = Object.values(spec.compute).flatMap((aggregate) =>
      aggregate.accumulators.map(({ merge }) => merge)
    );
  }

  /** Starts a task. The key types of the table, once it has them, are those that count. */
  begin(keyTypes: KeyTypes | null): void {
    if (keyTypes) this.#keyTypes = keyTypes;
  }

  /** Takes a value of the current record. Answers false when all its windows are closed already: it is late. */
  add(value: never, { context: record, index, watermark }: CurrentRecord): boolean {
    this.#index = index;
    const { window, by, compute } = this.#spec;
    const key = by(value, record);
    const id = this.#identify(key);
    const measures: number[] = [];
    for (const [name, aggregate] of Object.entries(compute)) {
      for (const number of aggregate.measure(value, record)) {
        if (!Number.isFinite(number)) {
          throw new Error(`${aggregate.kind} "${name}" needs a finite number, got ${number}`);
        }
        measures.push(number);
      }
    }
    if (!window) {
      this.#held.push({ id, start: 0, key, measures });
      return true;
    }
    if (!(record.eventTime >= earliestTime && record.eventTime <= latestTime)) {
      throw new Error(`the event time ${record.eventTime} ms is not between the years 1 and 9999`);
    }
    let open = false;
    for (const start of windowStarts(window, record.eventTime)) {
      if (start + window.size <= watermark) continue;
      this.#held.push({ id: `${start}\0${id}`, start, key, measures });
      open = true;
    }
    return open;
  }

  /** The current record is good: its part counts. */
  keep(): void {
    for (const { id, start, key, measures } of this.#held) {
      const group = this.#groups.get(id);
      this.#sources.push(this.#index);
      this.#members.push(group?.number ?? this.#groups.size);
      if (!group) {
        this.#groups.set(id, { number: this.#groups.size, start, key, accumulators: [...measures] });
        continue;
      }
      for (let i = 0; i < measures.length; i++) {
        const [before, brought] = [group.accumulators[i]!, measures[i]!];
        const merge = this.#merges[i];
        group.accumulators[i] = merge === "sum"
          ? before + brought
          : merge === "min"
          ? Math.min(before, brought)
          : Math.max(before, brought);
      }
    }
    this.#held.length = 0;
  }

  /** The current record is bad: its part is forgotten. */
  drop(): void {
    this.#held.length = 0;
  }

  /** The partial results since the last call. */
  finish(): OutputRows {
    const keyTypes = this.#keyTypes;
    const sources = Uint32Array.from(this.#sources);
    const groups = Uint32Array.from(this.#members);
    this.#sources = [];
    this.#members = [];
    if (!keyTypes || this.#groups.size === 0) {
      return {
        kind: "groups",
        chunk: { count: 0, bytes: new Uint8Array(0) },
        keyTypes: null,
        sources,
        groups,
      };
    }
    const table = aggregateTable(this.#sink, this.#spec, keyTypes);
    const encoder = new CopyEncoder(table.columns);
    const results = table.columns.slice((this.#spec.window ? 2 : 0) + Object.keys(keyTypes).length);
    for (const { start, key, accumulators } of this.#groups.values()) {
      const row: Record<string, unknown> = { ...key };
      if (this.#spec.window) {
        row[windowColumns[0]] = start;
        row[windowColumns[1]] = start + this.#spec.window.size;
      }
      results.forEach((column, i) => row[column.name] = accumulators[i]);
      encoder.add(row);
    }
    this.#groups.clear();
    return { kind: "groups", chunk: encoder.finish(), keyTypes, sources, groups };
  }

  /** A text that no other key has. Checks the key's columns against the table's, or the first record's. */
  #identify(key: GroupKey): string {
    const names = Object.keys(key);
    const types = this.#keyTypes ??= this.#typesOf(key);
    let id = "";
    for (const name of names) {
      const value: KeyValue | null | undefined = key[name];
      const type = types[name];
      if (value === undefined || value === null) throw new Error(`the group's key ${name} is missing`);
      if (type === undefined) {
        throw new Error(`the group's key has ${name}, which the table has not`);
      }
      if (keyTypeOf(value) !== type) {
        throw new Error(`the group's key ${name} should be ${type}, is ${String(value)}`);
      }
      if (type === "text" && (value as string).includes("\0")) {
        throw new Error(`the group's key ${name} holds a NUL character, which Postgres cannot store`);
      }
      if (type === "double" && !Number.isFinite(value)) {
        throw new Error(`the group's key ${name} is ${String(value)}`);
      }
      id += `${value}\0`;
    }
    if (names.length !== Object.keys(types).length) {
      throw new Error(
        `the group's key has ${names.length} columns, the table has ${Object.keys(types).length}`,
      );
    }
    // Most keys are short; only a long one is measured in bytes.
    const bytes = id.length * 3 > longestKey ? this.#utf8.encode(id).length : 0;
    if (bytes > longestKey) {
      throw new Error(`the group's key has ${bytes} bytes; at most ${longestKey} can be a key`);
    }
    return id;
  }

  #typesOf(key: GroupKey): KeyTypes {
    const taken = new Set<string>([
      ...(this.#spec.window ? windowColumns : []),
      ...Object.entries(this.#spec.compute).flatMap(([name, { accumulators }]) => [
        name,
        ...accumulators.map(({ suffix }) => name + suffix),
      ]),
    ]);
    const types: Record<string, KeyType> = {};
    for (const [name, value] of Object.entries(key)) {
      if (value === undefined || value === null) throw new Error(`the group's key ${name} is missing`);
      if (!/^[a-z_][a-z0-9_]{0,47}$/.test(name)) {
        throw new Error(`the group's key "${name}" must be lower case letters, digits and _ to be a column`);
      }
      if (taken.has(name)) throw new Error(`the group's key ${name} is also the name of a result`);
      types[name] = keyTypeOf(value);
    }
    if (Object.keys(types).length === 0 && !this.#spec.window) {
      throw new Error("the group's key is empty and there is no window: give at least one column");
    }
    return types;
  }
}
