import { foldStaged } from "./fold_sql.ts";
import { inlineRows } from "./inline_rows.ts";
import type { RefusedRow, Transaction, WarehouseTable } from "./mod.ts";
import { byName } from "./column_sql.ts";
import { keyLockSql } from "./session_sql.ts";
import { type SqlSession, sqlState } from "./sql_database.ts";
import type { TableSql } from "./table_sql.ts";

/**
 * True for an error that what a row holds may have caused: data exceptions and constraints (classes 22, 23, 44), rows
 * too large for a page or an index (54000), and what a trigger of the table's owner raised (P0001).
 */
export function blamesRows(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  return ["22", "23", "44"].includes(state.slice(0, 2)) || state === "54000" || state === "P0001";
}

/** How many rows are tried at first: few enough for one statement, see {@linkcode inlineRows}. */
const sliceRows = 32;

/**
 * Finds every row that the database refuses: writes the rows in order, a slice at a time, and of a slice that fails one
 * half after the other. Rows that pass stay, so that of two rows that exclude each other the later one is refused. All
 * of it is rolled back. Expects the staging tables, and no open transaction.
 */
export async function findRefused(
  session: SqlSession,
  transaction: Transaction,
  sqlOf: (table: WarehouseTable) => TableSql,
): Promise<RefusedRow[]> {
  const refused: RefusedRow[] = [];
  const trial = new Trial(session);
  await session.run(`begin; set constraints all immediate; ${savepoint}`);
  // In the order of every commit: what is locked here is held until all rows were tried.
  const order = [...transaction.tables.entries()].sort(([, a], [, b]) => byName(a.table, b.table));
  for (const [tableIndex, { table, chunks }] of order) {
    const sql = sqlOf(table);
    for (const [chunkIndex, { bytes }] of chunks.entries()) {
      const ends = lineEnds(bytes);
      const bisect = async (from: number, to: number): Promise<void> => {
        const rows = bytes.subarray(from === 0 ? 0 : ends[from - 1], ends[to - 1]);
        const reason = await trial.reasonAgainst(table, sql, rows, to - from);
        if (reason === undefined) return;
        if (to - from === 1) {
          refused.push({ table: tableIndex, chunk: chunkIndex, row: from, reason });
          return;
        }
        const middle = (from + to) >> 1;
        await bisect(from, middle);
        await bisect(middle, to);
      };
      for (let from = 0; from < ends.length; from += sliceRows) {
        await bisect(from, Math.min(from + sliceRows, ends.length));
      }
    }
  }
  await session.run("rollback");
  return refused.sort((a, b) => a.table - b.table);
}

const savepoint = "savepoint trial";

/** Writes rows within a transaction, and takes back those that were refused. */
class Trial {
  readonly #session: SqlSession;
  /** Undoes the last trial; goes with the next one, in the same message. */
  #undo = "";

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** Why the rows cannot be written; undefined when they were. */
  async reasonAgainst(
    table: WarehouseTable,
    sql: TableSql,
    rows: Uint8Array,
    count: number,
  ): Promise<string | undefined> {
    const inline = table.folds ? undefined : inlineRows(table, [rows]);
    if (inline === undefined && !table.folds && count > 1) return "too large to be written at once";
    let script = [this.#undo, ...(inline === undefined ? [sql.clear, sql.copy] : [])];
    let copies = inline === undefined ? [[rows]] : [];
    this.#undo = "rollback to savepoint trial";
    try {
      if (table.folds) {
        await this.#session.run([...script, keyLockSql(table, sql.staged)].join("; "), copies);
        [script, copies] = [[], []];
        const [unfolded] = await foldStaged(this.#session, table, sql.staged);
        if (unfolded) return unfolded.reason;
      }
      script.push(sql.insert(inline), "release savepoint trial", savepoint);
      await this.#session.run(script.join("; "), copies);
      this.#undo = "";
      return undefined;
    } catch (error) {
      if (!blamesRows(error)) throw error;
      return reasonOf(error);
    }
  }
}

function reasonOf(error: unknown): string {
  const { message, detail } = error as Error & { detail?: string };
  return detail ? `${message}: ${detail}` : message;
}

/** Where each row ends. In COPY's text a line feed always ends a row: one in a value is written `\n`. */
function lineEnds(bytes: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) ends.push(at + 1);
  return ends;
}
