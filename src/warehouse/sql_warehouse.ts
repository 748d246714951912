import { ServiceError } from "../errors.ts";
import type { Offset } from "../record.ts";
import { advance, claimPartitions, fencedBy, readPositions, setPositions } from "./checkpoint_sql.ts";
import { createTable, primaryKey } from "./create_table.ts";
import { foldStaged } from "./fold_sql.ts";
import { byName } from "./column_sql.ts";
import { inlineRows } from "./inline_rows.ts";
import { migrate } from "./migrations/mod.ts";
import {
  type Checkpoint,
  type RefusedRow,
  RefusedRows,
  type SourceName,
  type Transaction,
  type Warehouse,
  type WarehouseTable,
} from "./mod.ts";
import type { Outbox } from "./outbox.ts";
import { SqlOutbox } from "./outbox_sql.ts";
import { blamesRows, findRefused } from "./refused_rows.ts";
import { selectRows } from "./select.ts";
import { keyLockSql } from "./session_sql.ts";
import { type SqlDatabase, type SqlSession, withSession } from "./sql_database.ts";
import { readStatePage, removeStates, type StatePageEnd } from "./state_sql.ts";
import { stateTable } from "./state_table.ts";
import { type TableSql, tableSql } from "./table_sql.ts";
import { SqlWatermarks } from "./watermark_sql.ts";
import type { Watermarks } from "./watermarks.ts";

/**
 * Opens a warehouse in a database of Postgres's kind, which it owns from then on: checks that it will do, and brings
 * Weir's own tables up to date.
 *
 * @throws {ServiceError} when it will not do.
 */
export async function openSqlWarehouse(database: SqlDatabase): Promise<Warehouse> {
  try {
    await withSession(database, async (session) => {
      await checkServer(session);
      await migrate(session);
    });
  } catch (error) {
    // What went wrong says more than what closing after it may throw.
    await database.close().catch(() => {});
    throw error;
  }
  return new SqlWarehouse(database);
}

async function checkServer(session: SqlSession): Promise<void> {
  const [server] = await session.query(
    `select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
       current_setting('transaction_read_only') as read_only, current_database() as database, current_user as role,
       has_database_privilege(current_database(), 'temporary') as may_stage`,
  );
  const { version, number, read_only, database, role, may_stage } = server!;
  if (Number(number) < 130_000) {
    throw new ServiceError(`DATABASE_URL: Postgres ${version} is too old; use 13 or later`);
  }
  if (read_only === "on") {
    throw new ServiceError(
      `DATABASE_URL: the database "${database}" is read-only; name the primary server, or set default_transaction_read_only to off`,
    );
  }
  if (may_stage !== true) {
    throw new ServiceError(
      `DATABASE_URL: the user "${role}" may not make temporary tables; grant temporary on database "${database}" to it`,
    );
  }
}

/**
 * The warehouse in SQL. A commit goes to the database as one message:
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
class SqlWarehouse implements Warehouse {
  readonly kind: "postgres" | "embedded";
  readonly watermarks: Watermarks;
  readonly outbox: Outbox;
  readonly #database: SqlDatabase;
  readonly #tables = new Map<string, TableSql>();

  constructor(database: SqlDatabase) {
    this.kind = database.kind;
    this.#database = database;
    this.watermarks = new SqlWatermarks(database);
    this.outbox = new SqlOutbox(database);
  }

  createTable(table: WarehouseTable): Promise<void> {
    return withSession(this.#database, (session) => createTable(session, table));
  }

  primaryKey(schema: string, table: string) {
    return withSession(this.#database, (session) => primaryKey(session, schema, table));
  }

  claim(
    source: SourceName,
    partitions: readonly number[],
    held: ReadonlyMap<number, number>,
    initial: (partition: number) => Offset,
  ): Promise<Checkpoint[]> {
    return withSession(
      this.#database,
      (session) => claimPartitions(session, source, partitions, held, initial),
    );
  }

  setPositions(
    source: SourceName,
    positions: ReadonlyMap<number, Offset>,
    which: "absent" | "all",
  ): Promise<void> {
    return withSession(this.#database, (session) => setPositions(session, source, positions, which));
  }

  positions(source: SourceName): Promise<Checkpoint[]> {
    return withSession(this.#database, (session) => readPositions(session, source));
  }

  commit(transaction: Transaction): Promise<void> {
    return withSession(this.#database, async (session) => {
      const { source, moves } = transaction;
      const writes = this.#writes(transaction);
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
    });
  }

  async *states(source: SourceName, partition: number): AsyncIterable<string> {
    let after: StatePageEnd | undefined = { operator: "", key: "" };
    while (after) {
      const from: StatePageEnd = after;
      const page = await withSession(
        this.#database,
        (session) => readStatePage(session, source, partition, from),
      );
      if (page.end) yield page.text;
      after = page.end;
    }
  }

  async takeRun(pipeline: string, scheduledAt: Date): Promise<boolean> {
    const taken = await withSession(this.#database, (session) =>
      session.query(
        "insert into weir.runs (pipeline, scheduled_at) values ($1, $2) on conflict do nothing returning true",
        [pipeline, scheduledAt.toISOString()],
      ));
    return taken.length > 0;
  }

  select(query: string, mostRows: number): Promise<Record<string, unknown>[]> {
    return withSession(this.#database, (session) => selectRows(session, query, mostRows));
  }

  describe(): Promise<string> {
    return withSession(this.#database, async (session) => {
      const [server] = await session.query("select current_setting('server_version') as version");
      return this.#database.describe(String(server!.version));
    });
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** The tables that get rows, in the order of their names, and each one's rows in order. */
  #writes({ tables: given, states }: Transaction): TableWrite[] {
    const tables = states ? [...given, { table: stateTable, chunks: states }] : given;
    const rows = new Map<
      TableSql,
      Pick<TableWrite, "table"> & { chunks: Uint8Array[]; places: ChunkPlace[] }
    >();
    const order = [...tables.entries()]
      .sort(([, a], [, b]) => byName(a.table, b.table));
    for (const [index, { table, chunks }] of order) {
      const sql = this.#sql(table);
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

  #sql(table: WarehouseTable): TableSql {
    const signature = JSON.stringify(table);
    const known = this.#tables.get(signature);
    if (known) return known;
    const sql = tableSql(table, `weir_staging_${this.#tables.size}`);
    this.#tables.set(signature, sql);
    return sql;
  }

  async #refused(session: SqlSession, transaction: Transaction, error: unknown): Promise<Error | undefined> {
    if (!blamesRows(error)) return undefined;
    await session.run("rollback");
    await stage(session, this.#writes(transaction));
    const refused = await findRefused(session, transaction, (table) => this.#sql(table));
    if (refused.length === 0) return undefined;
    const refusal = new RefusedRows(refused);
    refusal.cause = error;
    return refusal;
  }
}

/** The rows of a transaction for one table: a few within the statement, more through its staging table. */
interface TableWrite {
  readonly sql: TableSql;
  readonly table: WarehouseTable;
  readonly chunks: readonly Uint8Array[];
  /** Where each of the chunks is in the transaction. */
  readonly places: readonly ChunkPlace[];
  /** The rows as a relation in SQL. */
  readonly inline: string | undefined;
}

interface ChunkPlace {
  readonly table: number;
  readonly chunk: number;
  readonly count: number;
}

function isFolded({ table }: TableWrite): boolean {
  return table.folds !== undefined;
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

function placeOf({ places }: TableWrite, row: number): Omit<RefusedRow, "reason"> {
  let first = 0;
  for (const { table, chunk, count } of places) {
    if (row < first + count) return { table, chunk, row: row - first };
    first += count;
  }
  throw new Error(`there is no row ${row} among the ${first} that were staged`);
}

/** Makes the staging tables that the session does not have yet. */
async function stage(session: SqlSession, writes: readonly TableWrite[]): Promise<void> {
  const missing = writes.map((write) => write.sql).filter((sql) => !session.staged.has(sql.staging));
  if (missing.length === 0) return;
  await session.run(missing.map((sql) => sql.createStaging).join("; "));
  for (const sql of missing) session.staged.add(sql.staging);
}
