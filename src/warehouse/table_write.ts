import { byName } from "./column_sql.ts";
import { inlineRows } from "./inline_rows.ts";
import type { RefusedRow, Transaction, WarehouseTable } from "./mod.ts";
import { stateTable } from "./state_table.ts";
import type { TableSql, TableStatements } from "./table_sql.ts";

/** The rows of a transaction for one table: a few within the statement, more through its staging table. */
export interface TableWrite {
  readonly sql: TableSql;
  readonly table: WarehouseTable;
  readonly chunks: readonly Uint8Array[];
  /** Where each of the chunks is in the transaction. */
  readonly places: readonly ChunkPlace[];
  /** The rows as a relation in SQL; undefined: they are staged. */
  readonly inline: string | undefined;
}

interface ChunkPlace {
  readonly table: number;
  readonly chunk: number;
  readonly count: number;
}

/** The tables that get rows, in the order of their names, and each one's rows in order. */
export function tableWrites(
  { tables: given, states }: Transaction,
  statements: TableStatements,
): TableWrite[] {
  const tables = states ? [...given, { table: stateTable, chunks: states }] : given;
  const rows = new Map<
    TableSql,
    Pick<TableWrite, "table"> & { chunks: Uint8Array[]; places: ChunkPlace[] }
  >();
  const order = [...tables.entries()]
    .sort(([, a], [, b]) => byName(a.table, b.table));
  for (const [index, { table, chunks }] of order) {
    const sql = statements.of(table);
    const written = rows.get(sql) ?? { table, chunks: [], places: [] };
    rows.set(sql, written);
    for (const [chunk, { count, bytes }] of chunks.entries()) {
      if (count === 0) continue;
      written.chunks.push(bytes);
      written.places.push({ table: index, chunk, count });
    }
  }
  return [...rows].filter(([, { chunks }]) => chunks.length > 0).map(([sql, write]) => ({
    ...write,
    sql,
    inline: write.table.folds ? undefined : inlineRows(write.table, write.chunks),
  }));
}

/** True for rows that functions merge with those of the table. */
export function isFolded({ table }: TableWrite): boolean {
  return table.folds !== undefined;
}

/** Where a row is in the transaction, by its place among those that were staged. */
export function placeOf({ places }: TableWrite, row: number): Omit<RefusedRow, "reason"> {
  let first = 0;
  for (const { table, chunk, count } of places) {
    if (row < first + count) return { table, chunk, row: row - first };
    first += count;
  }
  throw new Error(`there is no row ${row} among the ${first} that were staged`);
}
