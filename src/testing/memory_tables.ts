import type { ColumnType } from "../columns.ts";
import { RejectedRows } from "../errors.ts";
import type { CassandraTable } from "../pipeline.ts";
import { decodeCell } from "../sinks/cell_decoder.ts";
import { type CellRows, ValueReader } from "../sinks/cells.ts";
import type { Tables } from "../sinks/mod.ts";
import { type CellValue, keyOf, type TableRow } from "./copy_rows.ts";
import { sortedBy } from "./memory_table.ts";

/** A cell and when it was written, in µs since 1970. */
interface Cell {
  readonly bytes: Uint8Array;
  readonly time: number;
}

type Row = Map<string, Cell>;

/** Cassandra's tables in memory: of each cell the last write wins, and of writes at one time the larger value. */
export class MemoryTables implements Pick<Tables, "write"> {
  readonly #tables = new Map<string, Map<string, Row>>();

  /** What a table holds, in the key's order; a cell that was never set is null. */
  rows({ name, columns, key }: CassandraTable<never>): TableRow[] {
    const rows = [...this.#tables.get(name)?.values() ?? []].map((row) =>
      Object.fromEntries(columns.map(({ name, type }) => [name, valueOf(type, row.get(name)?.bytes)]))
    );
    return sortedBy(rows, key);
  }

  // deno-lint-ignore require-await -- What it throws must become a rejection.
  async write(table: CassandraTable<never>, rows: CellRows): Promise<void> {
    const refused: number[] = [];
    const reasons: string[] = [];
    const reader = new ValueReader(rows.bytes);
    for (let i = 0; i < rows.count; i++) {
      const cells = table.columns.map(({ name }) => [name, reader.next()?.slice()] as const);
      const time = reader.nextTime();
      const given = new Map(
        cells.flatMap(([name, bytes]) => bytes ? [[name, { bytes, time }] as const] : []),
      );
      if (given.get(table.key[0]!)?.bytes.length) this.#merge(table, given);
      else {
        refused.push(i);
        reasons.push(`column ${table.key[0]}: a key cannot be empty`);
      }
    }
    if (refused.length > 0) throw new RejectedRows(refused, reasons);
  }

  #merge({ name, key }: CassandraTable<never>, given: Row): void {
    const rows = this.#tables.get(name) ?? new Map<string, Row>();
    this.#tables.set(name, rows);
    const id = keyOf(Object.fromEntries(key.map((column) => [column, given.get(column)!.bytes])), key);
    const row = rows.get(id) ?? new Map<string, Cell>();
    rows.set(id, row);
    for (const [column, cell] of given) {
      const held = row.get(column);
      if (!held || wins(cell, held)) row.set(column, cell);
    }
  }
}

function wins(cell: Cell, held: Cell): boolean {
  return cell.time > held.time || (cell.time === held.time && cell.bytes.toHex() > held.bytes.toHex());
}

function valueOf(type: ColumnType, bytes: Uint8Array | undefined): CellValue {
  if (!bytes) return null;
  const value = decodeCell(type, bytes);
  if (type === "boolean") return value === 1;
  if (type === "timestamp") return new Date(value as string);
  if (type === "json") return JSON.parse(value as string);
  return type === "double" ? Number(value) : value;
}
