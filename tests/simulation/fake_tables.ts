import { RejectedRows } from "../../src/errors.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
import { type CellRows, ValueReader } from "../../src/sinks/cells.ts";
import type { Tables } from "../../src/sinks/mod.ts";
import type { Wire } from "./wire.ts";

/** A cell's bytes as text, a character each, and its write time in microseconds. */
export interface Cell {
  readonly value: string;
  readonly time: number;
}

/** The cells of a row by column. */
export type CellRow = Map<string, Cell>;

/** Tables that converge, in memory. */
export class FakeTables {
  readonly tables = new Map<string, Map<string, CellRow>>();
  /** What should never be: two values of one cell with one write time. */
  readonly conflicts: string[] = [];

  /** @param refuses Why a row is refused, if it is: by its values. */
  constructor(readonly refuses: (values: readonly string[]) => string | undefined = () => undefined) {}

  connect(wire: Wire): Tables {
    return {
      kind: "cassandra",
      createTable: (table) =>
        wire.call("tables", `tables create ${table.name}`, () => {
          if (!this.tables.has(table.name)) this.tables.set(table.name, new Map());
        }),
      write: async (table, rows) => {
        // A write that fails may have been made in part.
        const parts = wire.random.chance(0.2) ? split(table, rows) : [rows];
        let done = 0;
        const rejected: number[] = [];
        const reasons: string[] = [];
        for (const part of parts) {
          try {
            await wire.call("tables", `tables write ${table.name}`, () => this.#write(table, part));
          } catch (error) {
            if (!(error instanceof RejectedRows)) throw error;
            rejected.push(...error.rows.map((row) => row + done));
            reasons.push(...error.reasons);
          }
          done += part.count;
        }
        if (rejected.length > 0) throw new RejectedRows(rejected, reasons);
      },
      describe: () => wire.call("tables", "tables describe", () => "tables in memory"),
      close: () => Promise.resolve(),
    };
  }

  #write({ name, columns, key }: CassandraTable<never>, rows: CellRows): void {
    const table = this.tables.get(name)!;
    const reader = new ValueReader(rows.bytes);
    const rejected: number[] = [];
    const reasons: string[] = [];
    for (let i = 0; i < rows.count; i++) {
      const values = columns.map(() => reader.next());
      const time = reader.nextTime();
      const texts = values.map((value) => value && String.fromCharCode(...value));
      const reason = this.refuses(texts.map((text) => text ?? ""));
      if (reason !== undefined) {
        rejected.push(i);
        reasons.push(reason);
        continue;
      }
      const id = JSON.stringify(
        key.map((each) => texts[columns.findIndex((column) => column.name === each)]),
      );
      const row: CellRow = table.get(id) ?? new Map();
      table.set(id, row);
      columns.forEach((column, c) => {
        const value = texts[c];
        if (value !== undefined) this.set(row, column.name, { value, time }, `${name} ${id} ${column.name}`);
      });
    }
    if (rejected.length > 0) throw new RejectedRows(rejected, reasons);
  }

  /** The later write wins; of two at once, the larger value. */
  protected set(row: CellRow, column: string, cell: Cell, name: string): void {
    const held = row.get(column);
    if (held?.time === cell.time && held.value !== cell.value) {
      this.conflicts.push(`${name} was written at ${cell.time} as ${held.value} and as ${cell.value}`);
    }
    const wins = !held || cell.time > held.time || (cell.time === held.time && cell.value > held.value);
    if (wins) row.set(column, cell);
  }
}

/** The rows in two writes. */
function split({ columns }: CassandraTable<never>, { count, bytes }: CellRows): CellRows[] {
  const half = Math.floor(count / 2);
  const reader = new ValueReader(bytes);
  for (let i = 0; i < half * (columns.length + 1); i++) reader.skip();
  return [{ count: half, bytes: bytes.subarray(0, reader.at) }, {
    count: count - half,
    bytes: bytes.subarray(reader.at),
  }];
}
