import { advance, fencedBy } from "./checkpoint_sql.ts";
import { foldStaged } from "./fold_sql.ts";
import { type RefusedRow, RefusedRows, type Transaction } from "./mod.ts";
import { blamesRows, findRefused } from "./refused_rows.ts";
import { keyLockSql } from "./session_sql.ts";
import type { SqlSession } from "./sql_database.ts";
import { removeStates } from "./state_sql.ts";
import { TableStatements } from "./table_sql.ts";
import { isFolded, placeOf, type TableWrite, tableWrites } from "./table_write.ts";

/**
 * Commits transactions. Each goes to the database as one message:
 *
 *     begin
 *     copy <staging> from stdin        for each table with many rows; what is waited for comes before the first lock
 *     select weir.advance(...)         fails unless every partition is where it should be
 *     insert into <table> ... on conflict ...
 *     commit
 *
 * Tables with columns that functions merge need more messages: each is locked by key, read, and what the functions made of
 * it is staged before it is written.
 *
 * So a process that hangs while it sends rows keeps nobody waiting, and one that lost its partitions fails before it
 * touches a row. Rows, tables and partitions are locked in a fixed order: two processes never wait in a circle.
 */
export class SqlCommits {
  readonly #statements = new TableStatements();

  /** See `Warehouse.commit`. */
  async commit(session: SqlSession, transaction: Transaction): Promise<void> {
    const { source, moves } = transaction;
    const writes = tableWrites(transaction, this.#statements);
    const staged = writes.filter((write) => write.inline === undefined);
    await stage(session, staged);
    const begin = [
      "begin",
      ...staged.map((write) => write.sql.copy),
      ...(moves.length > 0 ? [advance(source, moves)] : []),
    ];
    const end = [
      ...(transaction.states?.length ? [removeStates(source, moves.map((move) => move.partition))] : []),
      "commit",
    ];
    const copies = staged.map((write) => write.chunks);
    let tags: readonly string[];
    try {
      tags = writes.some(isFolded)
        ? await runFolding(session, begin, copies, writes, end)
        : await session.run(
          [...begin, ...writes.map(({ sql, inline }) => sql.insert(inline)), ...end].join(";\n"),
          copies,
        );
    } catch (error) {
      throw fencedBy(error) ?? await this.#refused(session, transaction, error) ?? error;
    }
    if (tags.at(-1) !== "COMMIT") {
      throw new Error(`the database answered COMMIT with ${tags.at(-1) ?? "nothing"}: nothing was written`);
    }
  }

  async #refused(session: SqlSession, transaction: Transaction, error: unknown): Promise<Error | undefined> {
    if (!blamesRows(error)) return undefined;
    await session.run("rollback");
    await stage(session, tableWrites(transaction, this.#statements));
    const refused = await findRefused(session, transaction, (table) => this.#statements.of(table));
    if (refused.length === 0) return undefined;
    const refusal = new RefusedRows(refused);
    refusal.cause = error;
    return refusal;
  }
}

/** Runs a commit in several messages: what functions merge is read and written back when its table's turn has come. */
async function runFolding(
  session: SqlSession,
  begin: readonly string[],
  copies: readonly (readonly Uint8Array[])[],
  writes: readonly TableWrite[],
  end: readonly string[],
): Promise<readonly string[]> {
  const refused: RefusedRow[] = [];
  let script = [...begin];
  let given = copies;
  for (const write of writes) {
    const { sql, table } = write;
    if (isFolded(write)) {
      await session.run([...script, keyLockSql(table, sql.staged)].join(";\n"), given);
      script = [];
      given = [];
      const unfolded = await foldStaged(session, table, sql.staged);
      refused.push(...unfolded.map(({ row, reason }) => ({ ...placeOf(write, row), reason })));
      if (unfolded.length > 0) continue;
    }
    script.push(sql.insert(write.inline));
  }
  if (refused.length > 0) throw new RefusedRows(refused);
  return await session.run([...script, ...end].join(";\n"), given);
}

/** Makes the staging tables that the session does not have yet. */
async function stage(session: SqlSession, writes: readonly TableWrite[]): Promise<void> {
  const missing = writes.map((write) => write.sql).filter((sql) => !session.staged.has(sql.staging));
  if (missing.length === 0) return;
  await session.run(missing.map((sql) => sql.createStaging).join("; "));
  for (const sql of missing) session.staged.add(sql.staging);
}
