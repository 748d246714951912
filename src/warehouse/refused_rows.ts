import type { CopyChunk, RefusedRow, Transaction, WarehouseTable } from "./mod.ts";
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

/**
 * Finds every row that the database refuses: writes the rows in order, and of those that fail together one half after
 * the other. Rows that pass stay, so that of two rows that exclude each other the later one is refused. All of it is
 * rolled back. Expects the staging tables, and no open transaction.
 */
export async function findRefused(
  session: SqlSession,
  transaction: Transaction,
  sqlOf: (table: WarehouseTable) => TableSql,
): Promise<RefusedRow[]> {
  const refused: RefusedRow[] = [];
  await session.run("begin; set constraints all immediate");
  for (const [tableIndex, { table, chunks }] of transaction.tables.entries()) {
    const sql = sqlOf(table);
    for (const [chunkIndex, chunk] of chunks.entries()) {
      const ends = lineEnds(chunk);
      const bisect = async (from: number, to: number): Promise<void> => {
        const bytes = chunk.bytes.subarray(from === 0 ? 0 : ends[from - 1], ends[to - 1]);
        const reason = await attempt(session, sql, bytes);
        if (reason === undefined) return;
        if (to - from === 1) {
          refused.push({ table: tableIndex, chunk: chunkIndex, row: from, reason });
          return;
        }
        const middle = (from + to) >> 1;
        await bisect(from, middle);
        await bisect(middle, to);
      };
      if (ends.length > 0) await bisect(0, ends.length);
    }
  }
  await session.run("rollback");
  return refused;
}

/** Writes rows and keeps them, or says why they were refused. */
async function attempt(session: SqlSession, sql: TableSql, bytes: Uint8Array): Promise<string | undefined> {
  try {
    const steps = ["savepoint attempt", sql.copy, sql.insert(), sql.clear, "release savepoint attempt"];
    await session.run(steps.join("; "), [[bytes]]);
    return undefined;
  } catch (error) {
    if (!blamesRows(error)) throw error;
    await session.run("rollback to savepoint attempt");
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  const { message, detail } = error as Error & { detail?: string };
  return detail ? `${message}: ${detail}` : message;
}

/** Where each row ends. In COPY's text a line feed always ends a row: one in a value is written `\n`. */
function lineEnds({ bytes }: CopyChunk): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) ends.push(at + 1);
  return ends;
}
