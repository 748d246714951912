import { Fenced } from "../../src/errors.ts";
import type { Offset } from "../../src/record.ts";
import {
  type Checkpoint,
  type Move,
  RefusedRows,
  type SourceName,
  type TableRows,
  type Transaction,
  type Warehouse,
  type WarehouseColumn,
  type WarehouseTable,
} from "../../src/warehouse/mod.ts";
import type { LastReset, Reset } from "../../src/warehouse/resets.ts";
import { StoredStates } from "../support/stored_states.ts";
import type { Wire } from "./wire.ts";

export type TextRow = Record<string, string | null>;

/** What has become of a partition's position, in order. */
export type PositionEvent =
  | ({ readonly kind: "move"; readonly topic: string; readonly by: string } & Move)
  | {
    readonly kind: "set";
    readonly topic: string;
    readonly partition: number;
    readonly before: Offset | null;
    readonly next: Offset;
  };

/** A warehouse in memory, which any number of processes reach by wires. What each of them calls is done at once. */
export class FakeWarehouse {
  /** As the warehouse knows it: it forgets what came after a backup that it was put back from. */
  readonly history: PositionEvent[] = [];
  /** All that was ever made. */
  readonly moves: Extract<PositionEvent, { kind: "move" }>[] = [];
  readonly tables = new Map<
    string,
    { readonly table: WarehouseTable; readonly rows: Map<string, TextRow> }
  >();
  readonly #positions = new Map<string, Map<number, Checkpoint>>();
  readonly #topicIds = new Map<string, Map<number, string>>();
  readonly #resets = new Map<string, Map<number, LastReset>>();
  readonly #states = new Map<string, StoredStates>();
  readonly #runs = new Set<string>();

  /** @param refuses Why a row is refused, if it is. */
  constructor(readonly refuses: (row: TextRow) => string | undefined = () => undefined) {}

  /** The warehouse as the process at the end of a wire has it. */
  connect(wire: Wire): Warehouse {
    let open = true;
    const call = <T>(what: string, action: () => T): Promise<T> =>
      open
        ? wire.call("warehouse", `warehouse ${what}`, action)
        : Promise.reject(new Error("the warehouse is closed"));
    const stored = (source: SourceName) => this.#statesOf(source);
    return {
      kind: "postgres",
      createTable: (table) => call("createTable", () => this.createTable(table)),
      primaryKey: (schema, table) => call("primaryKey", () => this.#primaryKey(`${schema}.${table}`)),
      claim: (source, partitions, held, initial, topicId) =>
        call("claim", () => this.claim(source, partitions, held, initial, topicId)),
      setPositions: (source, positions, topicId) =>
        call("setPositions", () => this.setPositions(source, positions, "absent", topicId)),
      resets: {
        make: (source, reset) => call("resets make", () => this.reset(source, reset)),
        last: (source) => call("resets last", () => this.lastResets(source)),
        finish: (source, id, partitions) =>
          call("resets finish", () => this.finishReset(source, id, partitions)),
      },
      topicIds: (source) => call("topicIds", () => new Map(this.#idsOf(source))),
      watermarks: {
        read: notAsked,
        markIdle: notAsked,
        wake: notAsked,
        close: notAsked,
      },
      outbox: {
        create: notAsked,
        hold: notAsked,
        release: notAsked,
        waiting: () => Promise.resolve(0),
        read: notAsked,
        delivered: notAsked,
      },
      positions: (source) => call("positions", () => this.positions(source)),
      states: async function* (source, partition) {
        yield await call("states", () => stored(source).page(partition));
      },
      select: () => Promise.reject(new Error("this warehouse takes no SQL")),
      commit: (transaction) =>
        call(`commit ${shown(transaction)}`, () => this.commit(transaction, wire.name)),
      takeRun: (pipeline, at) => call("takeRun", () => this.#takeRun(`${pipeline} ${at.getTime()}`)),
      describe: () => call("describe", () => "rows in memory"),
      close: () => Promise.resolve(void (open = false)),
    };
  }

  /** Remembers all that it holds; when called, that is all again, and nobody is told. */
  backup(): () => void {
    const tables = [...this.tables].map(([name, { table, rows }]) => [name, table, [...rows]] as const);
    const positions = [...this.#positions].map(([name, held]) => [name, new Map(held)] as const);
    const resets = [...this.#resets].map(([name, held]) => [name, new Map(held)] as const);
    const states = [...this.#states].map(([name, stored]) => [name, stored.copy()] as const);
    const events = this.history.length;
    return () => {
      this.tables.clear();
      for (const [name, table, rows] of tables) this.tables.set(name, { table, rows: new Map(rows) });
      this.#positions.clear();
      for (const [name, held] of positions) this.#positions.set(name, new Map(held));
      this.#resets.clear();
      for (const [name, held] of resets) this.#resets.set(name, new Map(held));
      this.#states.clear();
      for (const [name, stored] of states) this.#states.set(name, stored.copy());
      this.history.length = events;
    };
  }

  rows(name: string): TextRow[] {
    return [...this.tables.get(name)?.rows.values() ?? []];
  }

  createTable(table: WarehouseTable): void {
    const name = `${table.schema}.${table.table}`;
    if (!this.tables.has(name)) this.tables.set(name, { table, rows: new Map() });
  }

  positions(source: SourceName): Checkpoint[] {
    return [...this.#of(source).values()].sort((a, b) => a.partition - b.partition);
  }

  claim(
    source: SourceName,
    partitions: readonly number[],
    held: ReadonlyMap<number, number>,
    initial: (partition: number) => Offset,
    topicId?: string,
  ): Checkpoint[] {
    const positions = this.#of(source);
    const ids = this.#idsOf(source);
    const absent = partitions.filter((partition) => !positions.has(partition));
    this.setPositions(source, new Map(absent.map((each) => [each, initial(each)])), "absent");
    if (topicId !== undefined) {
      for (const each of partitions) if (!ids.has(each)) ids.set(each, topicId);
    }
    return partitions.toSorted((a, b) => a - b).map((partition) => {
      const before = positions.get(partition)!;
      const epoch = held.get(partition) === before.epoch ? before.epoch : before.epoch + 1;
      const claimed = { ...before, epoch };
      positions.set(partition, claimed);
      return claimed;
    });
  }

  /** @throws {Fenced} when a partition has another epoch than is given. */
  reset(source: SourceName, { id, topicId, partitions, topics, gone }: Reset): void {
    for (const { partition, epoch } of partitions) {
      const held = this.#of(source).get(partition)?.epoch ?? null;
      if (held !== epoch) throw new Fenced(`partition ${partition} has epoch ${held}, not ${epoch}`);
    }
    const positions = new Map(partitions.map(({ partition, next }) => [partition, next]));
    this.setPositions(source, positions, "all", topicId);
    const resets = this.#resetsOf(source);
    for (const { epoch: _, ...reset } of partitions) resets.set(reset.partition, { ...reset, id, topics });
    for (const partition of gone) {
      this.#of(source).delete(partition);
      this.#idsOf(source).delete(partition);
      resets.delete(partition);
    }
  }

  lastResets(source: SourceName): LastReset[] {
    return [...this.#resetsOf(source).values()].sort((a, b) => a.partition - b.partition);
  }

  finishReset(source: SourceName, id: string, partitions: readonly number[]): void {
    const resets = this.#resetsOf(source);
    for (const partition of partitions) {
      const held = resets.get(partition);
      if (held?.id === id) resets.set(partition, { ...held, topics: [] });
    }
  }

  setPositions(
    source: SourceName,
    given: ReadonlyMap<number, Offset>,
    which: "absent" | "all",
    topicId?: string,
  ): void {
    const positions = this.#of(source);
    const ids = this.#idsOf(source);
    for (const [partition, next] of given) {
      const before = positions.get(partition);
      if (before && which === "absent") continue;
      positions.set(partition, {
        partition,
        epoch: before ? before.epoch + 1 : 0,
        next,
        // The clock stands still while many records are made.
        writeTime: before ? Math.max(before.writeTime, (Date.now() + 1) * 1_000) : 0,
        eventTime: before?.eventTime ?? null,
        watermark: before?.watermark ?? null,
        idle: false,
      });
      if (topicId === undefined) ids.delete(partition);
      else ids.set(partition, topicId);
      const { topic } = source;
      this.history.push({ kind: "set", topic, partition, before: before?.next ?? null, next });
    }
  }

  /** @param by Who makes it. */
  commit(transaction: Transaction, by = "somebody"): void {
    const { source, moves, tables } = transaction;
    this.check(source, moves);
    const refused = this.#refused(tables);
    if (refused.length > 0) throw new RefusedRows(refused);
    const positions = this.#of(source);
    for (const move of moves) {
      const { from: _, ...checkpoint } = move;
      positions.set(move.partition, { ...checkpoint, idle: false });
      const event = { kind: "move", topic: source.topic, by, ...move } as const;
      this.history.push(event);
      this.moves.push(event);
    }
    for (const each of tables) this.write(each);
    for (const each of transaction.states ?? []) this.#statesOf(source).apply(each);
  }

  #statesOf({ group, topic }: SourceName): StoredStates {
    const name = JSON.stringify([group, topic]);
    const states = this.#states.get(name) ?? new StoredStates();
    this.#states.set(name, states);
    return states;
  }

  /** @throws {Fenced} when a move does not start where its partition stands. */
  protected check(source: SourceName, moves: readonly Move[]): void {
    for (const { partition, epoch, from } of moves.toSorted((a, b) => a.partition - b.partition)) {
      const held = this.#of(source).get(partition);
      if (held?.epoch === epoch && held.next === from) continue;
      throw new Fenced(
        `partition ${partition} of topic '${source.topic}': expected offset ${from} of epoch ${epoch}, the warehouse holds ${
          held ? `offset ${held.next} of epoch ${held.epoch}` : "no position"
        }`,
      );
    }
  }

  protected write({ table, chunks }: TableRows): void {
    const { rows } = this.tables.get(`${table.schema}.${table.table}`)!;
    for (const row of chunks.flatMap(({ bytes }) => decodeCopy(table.columns, bytes))) {
      const key = JSON.stringify(table.key.map((name) => row[name]));
      const before = rows.get(key);
      rows.set(
        key,
        before
          ? Object.fromEntries(table.columns.map((column) => [column.name, merged(column, before, row)]))
          : row,
      );
    }
  }

  #refused(tables: readonly TableRows[]) {
    return tables.flatMap(({ table: { columns }, chunks }, table) =>
      chunks.flatMap(({ bytes }, chunk) =>
        decodeCopy(columns, bytes).flatMap((values, row) => {
          const reason = this.refuses(values);
          return reason === undefined ? [] : [{ table, chunk, row, reason }];
        })
      )
    );
  }

  #primaryKey(name: string) {
    const table = this.tables.get(name)?.table;
    return table?.key.map((key) => table.columns.find((column) => column.name === key)!);
  }

  #takeRun(run: string): boolean {
    return !this.#runs.has(run) && this.#runs.add(run) !== undefined;
  }

  #idsOf({ group, topic }: SourceName): Map<number, string> {
    const name = JSON.stringify([group, topic]);
    const ids = this.#topicIds.get(name) ?? new Map();
    this.#topicIds.set(name, ids);
    return ids;
  }

  #resetsOf({ group, topic }: SourceName): Map<number, LastReset> {
    const name = JSON.stringify([group, topic]);
    const resets = this.#resets.get(name) ?? new Map();
    this.#resets.set(name, resets);
    return resets;
  }

  #of({ group, topic }: SourceName): Map<number, Checkpoint> {
    const name = JSON.stringify([group, topic]);
    const positions = this.#positions.get(name) ?? new Map();
    this.#positions.set(name, positions);
    return positions;
  }
}

/** The simulated source has no lateness, so nothing is ever late, idle or closed; and no aggregate leaves the warehouse. */
function notAsked(): never {
  throw new Error("nothing of the simulation has a watermark or an outbox");
}

function shown({ moves }: Transaction): string {
  return moves.map(({ partition, from, next, epoch }) => `${partition}@${epoch}:${from}-${next}`).join(" ");
}

function merged({ name, merge }: WarehouseColumn, before: TextRow, row: TextRow): string | null {
  const [held, given] = [before[name]!, row[name]!];
  if (merge === "keep") return held;
  if (merge === "replace" || held === null) return given;
  if (given === null) return held;
  if (merge === "sum") return String(Number(held) + Number(given));
  return String(merge === "min" ? Math.min(+held, +given) : Math.max(+held, +given));
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** Rows in COPY's text format, written from Postgres's documentation and not from the encoder. */
export function decodeCopy(columns: readonly { readonly name: string }[], bytes: Uint8Array): TextRow[] {
  const lines = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).split("\n");
  if (lines.pop() !== "") throw new Error("the last row does not end");
  return lines.map((line) => {
    const fields = line.split("\t");
    if (fields.length !== columns.length) throw new Error(`a row has ${fields.length} fields: ${line}`);
    return Object.fromEntries(columns.map(({ name }, i) => [name, decodeField(fields[i]!)]));
  });
}

function decodeField(field: string): string | null {
  if (field === "\\N") return null;
  return field.replace(/\\(.)/gs, (_, character: string) => escapes[character] ?? character);
}
