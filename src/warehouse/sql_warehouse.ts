import { ServiceError } from "../errors.ts";
import type { Offset } from "../record.ts";
import { claimPartitions, readPositions, readTopicIds, setPositions } from "./checkpoint_sql.ts";
import { SqlCommits } from "./commit_sql.ts";
import { createTable, primaryKey } from "./create_table.ts";
import { migrate } from "./migrations/mod.ts";
import type { Checkpoint, SourceName, Transaction, Warehouse, WarehouseTable } from "./mod.ts";
import type { Outbox } from "./outbox.ts";
import { SqlOutbox } from "./outbox_sql.ts";
import { SqlResets } from "./reset_sql.ts";
import type { Resets } from "./resets.ts";
import { selectRows } from "./select.ts";
import { type SqlDatabase, type SqlSession, withSession } from "./sql_database.ts";
import { readStatePage, type StatePageEnd } from "./state_sql.ts";
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

/** The warehouse in SQL; what a commit is in it, `commit_sql.ts` says. */
class SqlWarehouse implements Warehouse {
  readonly kind: "postgres" | "embedded";
  readonly watermarks: Watermarks;
  readonly outbox: Outbox;
  readonly resets: Resets;
  readonly #database: SqlDatabase;
  readonly #commits = new SqlCommits();

  constructor(database: SqlDatabase) {
    this.kind = database.kind;
    this.#database = database;
    this.watermarks = new SqlWatermarks(database);
    this.outbox = new SqlOutbox(database);
    this.resets = new SqlResets(database);
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
    topicId?: string,
  ): Promise<Checkpoint[]> {
    return withSession(
      this.#database,
      (session) => claimPartitions(session, source, partitions, held, initial, topicId),
    );
  }

  setPositions(
    source: SourceName,
    positions: ReadonlyMap<number, Offset>,
    topicId?: string,
  ): Promise<void> {
    return withSession(this.#database, (session) => setPositions(session, source, positions, topicId));
  }

  topicIds(source: SourceName): Promise<Map<number, string>> {
    return withSession(this.#database, (session) => readTopicIds(session, source));
  }

  positions(source: SourceName): Promise<Checkpoint[]> {
    return withSession(this.#database, (session) => readPositions(session, source));
  }

  commit(transaction: Transaction): Promise<void> {
    return withSession(this.#database, (session) => this.#commits.commit(session, transaction));
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
}
