import { ServiceError } from "../errors.ts";
import { PostgresDatabase } from "./postgres_database.ts";
import { explainPostgresError } from "./postgres_errors.ts";
import { selectRows } from "./select.ts";
import { withSession } from "./sql_database.ts";

/**
 * The rows of a query to a Postgres that is not the warehouse, over a connection of its own.
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
    throw new ServiceError(
      `Postgres at ${variable} ${explainPostgresError(cause).replaceAll("DATABASE_URL", variable)}`,
      { cause },
    );
  } finally {
    await database.close();
  }
}
