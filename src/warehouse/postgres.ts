import { ServiceError } from "../errors.ts";
import type { Warehouse } from "./mod.ts";
import { PostgresDatabase } from "./postgres_database.ts";
import { explainPostgresError } from "./postgres_errors.ts";
import { openSqlWarehouse } from "./sql_warehouse.ts";

export interface PostgresSettings {
  /** `postgres://user:password@host:port/database`, with libpq's `sslmode` and the like as parameters. */
  readonly url: string;
  /** The most connections that are used at once. Default: 8. */
  readonly connections?: number;
  /** How long a connection may take, in ms. Default: 10,000. */
  readonly connectWithin?: number;
  /** How long the server may take to answer, in ms, before the connection counts as broken. Default: 60,000. */
  readonly answerWithin?: number;
}

/**
 * The warehouse in a Postgres server, 13 or later. Needs direct connections or a pooler that keeps sessions, for it
 * stages rows in temporary tables. Connections that break are replaced by new ones at the next call.
 *
 * @throws {ServiceError} when the server cannot be reached or used as it is set up.
 */
export async function openPostgres(settings: PostgresSettings): Promise<Warehouse> {
  const place = placeOf(settings.url);
  // @ts-types="@types/pg"
  const { default: pg } = await import("pg");
  const { connections = 8, connectWithin = 10_000, answerWithin = 60_000 } = settings;
  const pool = new pg.Pool({
    connectionString: settings.url,
    application_name: "weir",
    max: connections,
    connectionTimeoutMillis: connectWithin,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const database = new PostgresDatabase(pool, place, answerWithin);
  try {
    return await openSqlWarehouse(database);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError(`DATABASE_URL: Postgres at ${place} ${explainPostgresError(cause)}`, { cause });
  }
}

/** `host:port/database`, without user and password. */
function placeOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "postgres:" && parsed?.protocol !== "postgresql:") {
    throw new ServiceError(
      "DATABASE_URL is not the URL of a Postgres database; give one like postgres://user:password@host:5432/database",
    );
  }
  const host = parsed.hostname || parsed.searchParams.get("host") || "localhost";
  return `${host}:${parsed.port || 5432}${parsed.pathname === "/" ? "" : parsed.pathname}`;
}
