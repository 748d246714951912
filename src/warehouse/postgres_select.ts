import { describeError, ServiceError } from "../errors.ts";
import { PostgresDatabase } from "./postgres_database.ts";
import { explainPostgresError } from "./postgres_errors.ts";
import { selectRows } from "./select.ts";
import { sqlState, withSession } from "./sql_database.ts";

/** SQLSTATEs of a query that cannot be right, that writes, or that took too long: the server itself is well. */
const ofQuery = /^(?:0A|21|22|25006|42(?!501)|57014)/;

/**
 * The rows of a query to a Postgres, over a connection of its own.
 *
 * @throws {ServiceError} when it cannot be reached or refuses the query; the message names only the variable.
 */
export async function selectFromPostgres(
  { url, variable }: { readonly url: string; readonly variable: string },
  query: string,
  mostRows: number,
): Promise<Record<string, unknown>[]> {
  // @ts-types="@types/pg"
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "weir",
    max: 1,
    connectionTimeoutMillis: 10_000,
  });
  const database = new PostgresDatabase(pool, variable, 60_000);
  try {
    return await withSession(database, (session) => selectRows(session, query, mostRows));
  } catch (cause) {
    if (ofQuery.test(sqlState(cause) ?? "")) {
      throw new ServiceError(`Postgres at ${variable} refuses the query: ${describeError(cause)}`, { cause });
    }
    throw new ServiceError(
      `Postgres at ${variable} ${explainPostgresError(cause).replaceAll("DATABASE_URL", variable)}`,
      { cause },
    );
  } finally {
    await database.close();
  }
}
