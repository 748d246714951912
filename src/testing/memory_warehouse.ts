import type { ColumnType } from "../columns.ts";
import type { Offset } from "../record.ts";
import {
  type Checkpoint,
  type RefusedRow,
  RefusedRows,
  type SourceName,
  type TableRows,
  type Transaction,
  type Warehouse,
  type WarehouseTable,
} from "../warehouse/mod.ts";
import { stateTable } from "../warehouse/state_table.ts";
import type { Closing } from "../warehouse/watermarks.ts";
import { readCopy, type TableRow } from "./copy_rows.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import { MemoryTable } from "./memory_table.ts";
import { MemoryWatermarks } from "./memory_watermarks.ts";

/** What of a warehouse a pipeline runs on. */
export type RunWarehouse = Pick<
  Warehouse,
  "createTable" | "primaryKey" | "claim" | "states" | "commit" | "watermarks" | "outbox"
>;

/** A warehouse in memory, for one pipeline: it takes the same bytes as a real one, and comes to the same rows. */
export class MemoryWarehouse implements RunWarehouse {
  readonly outbox = new MemoryOutbox();
  readonly watermarks = new MemoryWatermarks((closing, watermark) => this.#close(closing, watermark));
  readonly #tables = new Map<string, { readonly table: WarehouseTable; readonly content: MemoryTable }>();
  readonly #states = new MemoryTable(stateTable);

  /** What a table holds, in the key's order; undefined when nobody has made it. */
  rows(table: { readonly schema: string; readonly table: string }): TableRow[] | undefined {
    return this.#tables.get(nameOf(table))?.content.rows;
  }

  createTable(table: WarehouseTable): Promise<void> {
    const name = nameOf(table);
    if (!this.#tables.has(name)) this.#tables.set(name, { table, content: new MemoryTable(table) });
    return Promise.resolve();
  }

  primaryKey(schema: string, table: string): Promise<{ name: string; type: ColumnType }[] | undefined> {
    const found = this.#tables.get(nameOf({ schema, table }))?.table;
    const key = found?.key.map((name) => found.columns.find((column) => column.name === name)!);
    return Promise.resolve(key?.map(({ name, type }) => ({ name, type })));
  }

  claim(
    _: SourceName,
    partitions: readonly number[],
    held: ReadonlyMap<number, number>,
    initial: (partition: number) => Offset,
  ): Promise<Checkpoint[]> {
    return Promise.resolve(this.watermarks.claim(partitions, held, initial));
  }

  async *states(_: SourceName, partition: number): AsyncIterable<string> {
    const rows = this.#states.rows.filter((row) => row.partition === partition);
    yield JSON.stringify(
      rows.map(({ operator, key, value, touched, turn }) => [operator, key, value, touched, Number(turn)]),
    );
  }

  // deno-lint-ignore require-await -- What it throws must become a rejection.
  async commit({ moves, tables, states = [] }: Transaction): Promise<void> {
    this.#checkFolds(tables);
    this.watermarks.move(moves);
    this.#states.write(states.flatMap(({ bytes }) => readCopy(stateTable.columns, bytes)));
    this.#states.remove(({ value }) => value === null);
    for (const { table, chunks } of tables) {
      const rows = chunks.flatMap(({ bytes }) => readCopy(table.columns, bytes));
      if (table.passing) {
        this.outbox.add(table.outbox!, rows);
        continue;
      }
      const written = this.#content(table).write(rows);
      if (table.outbox) this.outbox.add(table.outbox, written);
    }
  }

  /** @throws {RefusedRows} when functions of the pipeline cannot merge rows with what is there. */
  #checkFolds(tables: readonly TableRows[]): void {
    const refused: RefusedRow[] = [];
    for (const [i, { table, chunks }] of tables.entries()) {
      if (!table.folds) continue;
      const content = this.#content(table);
      const undo = content.mark();
      for (const [chunk, { bytes }] of chunks.entries()) {
        content.write(readCopy(table.columns, bytes), (row, reason) => {
          refused.push({ table: i, chunk, row, reason });
        });
      }
      undo();
    }
    if (refused.length > 0) throw new RefusedRows(refused);
  }

  #close({ accumulators, results }: Closing, watermark: number): number {
    const closed = this.#content(accumulators).close(watermark);
    if (results && "stream" in results) this.outbox.add(results, closed);
    else if (results) {
      const names = results.columns.map(({ name }) => name);
      this.#content(results).write(
        closed.map((row) => Object.fromEntries(names.map((name) => [name, row[name]!]))),
      );
    }
    return closed.length;
  }

  #content(table: WarehouseTable): MemoryTable {
    const found = this.#tables.get(nameOf(table));
    if (!found) throw new Error(`the table ${nameOf(table)} was not made`);
    return found.content;
  }
}

function nameOf({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return `${schema}.${table}`;
}
