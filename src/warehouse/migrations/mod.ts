import { ServiceError } from "../../errors.ts";
import type { SqlSession } from "../sql_database.ts";
import { literal } from "../sql_text.ts";
import { checkpoint } from "./0001_checkpoint.ts";
import { state } from "./0003_state.ts";
import { moments } from "./0004_moments.ts";
import { outbox } from "./0005_outbox.ts";
import { outboxWaiting } from "./0006_outbox_waiting.ts";
import { topicIds } from "./0007_topic_ids.ts";
import { resets } from "./0008_resets.ts";
import { watermarks } from "./0002_watermarks.ts";

/** In order; the place in the list, from 1, is the number. A migration that was released is never changed. */
const migrations: readonly { readonly name: string; readonly sql: string }[] = [
  { name: "checkpoint", sql: checkpoint },
  { name: "state", sql: state },
  { name: "watermarks", sql: watermarks },
  { name: "moments", sql: moments },
  { name: "outbox", sql: outbox },
  { name: "outbox_waiting", sql: outboxWaiting },
  { name: "topic_ids", sql: topicIds },
  { name: "resets", sql: resets },
];

/** Advisory locks of Postgres are numbers that applications choose: this one guards Weir's own tables and DDL. */
export const schemaLock = 8_317_001;

/**
 * Brings the schema `weir` up to date in one transaction, which other processes wait for. Writes nothing when it is.
 *
 * @throws {ServiceError} when the database was migrated by a newer version.
 */
export async function migrate(session: SqlSession): Promise<void> {
  if (await migratedTo(session) === migrations.length) return;
  await session.run(`begin; select pg_advisory_xact_lock(${schemaLock})`);
  const done = await migratedTo(session);
  if (done > migrations.length) {
    throw new ServiceError(
      `the database was set up by a newer version of Weir: its schema "weir" is at migration ${done}, this version ` +
        `knows ${migrations.length}; use the newer version, or another database`,
    );
  }
  const steps = migrations.slice(done).map(({ name, sql }, index) =>
    `${sql}; insert into weir.migrations (id, name) values (${done + index + 1}, ${literal(name)})`
  );
  const first = done > 0 ? [] : [
    // Asked for first: "if not exists" needs the right to create even where there is nothing to do.
    ...(await exists(session, "pg_namespace where nspname = 'weir'") ? [] : ["create schema weir"]),
    "create table weir.migrations (id integer primary key, name text not null, " +
    "applied_at timestamp with time zone not null default now())",
  ];
  await session.run([...first, ...steps, "commit"].join("; "));
}

async function migratedTo(session: SqlSession): Promise<number> {
  const table = "pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace " +
    "where n.nspname = 'weir' and c.relname = 'migrations'";
  if (!await exists(session, table)) return 0;
  const [row] = await session.query("select coalesce(max(id), 0) as id from weir.migrations");
  return Number(row!.id);
}

/** Asks the catalog itself: `to_regclass` may answer from before the lock was had. */
async function exists(session: SqlSession, what: string): Promise<boolean> {
  return (await session.query(`select 1 from pg_catalog.${what}`)).length > 0;
}
