import { existsSync } from "node:fs";
import { ServiceError } from "../errors.ts";
import type { Warehouse } from "./mod.ts";
import { PgliteDatabase } from "./pglite_database.ts";
import { selectRows } from "./select.ts";
import { sqlState, withSession } from "./sql_database.ts";
import { openSqlWarehouse } from "./sql_warehouse.ts";

export interface PgliteOptions {
  /** Where the database's files are; made when absent. One process at a time may use it. */
  readonly directory: string;
}

/**
 * The warehouse in PGlite: Postgres in WebAssembly, in a worker of this process, its files in a directory. What was
 * committed survives the end of the process, kill -9 included, but not always a crash of the machine.
 *
 * @throws {ServiceError} when the directory cannot be used.
 */
export async function openPglite(options: PgliteOptions): Promise<Warehouse> {
  try {
    return await openSqlWarehouse(await PgliteDatabase.open(options.directory));
  } catch (cause) {
    throw unusable(options, cause);
  }
}

/** Whether there is a database in a directory. */
export function isPglite(directory: string): boolean {
  return existsSync(`${directory}/PG_VERSION`);
}

/**
 * The first rows of a query to the embedded warehouse in a directory, which has to be there and is left as it is.
 *
 * @throws {ServiceError} when the directory cannot be used.
 */
export async function selectFromPglite(
  options: PgliteOptions,
  query: string,
  mostRows: number,
): Promise<Record<string, unknown>[]> {
  const database = await PgliteDatabase.open(options.directory);
  try {
    return await withSession(database, (session) => selectRows(session, query, mostRows));
  } catch (cause) {
    throw sqlState(cause) === undefined ? unusable(options, cause) : cause;
  } finally {
    await database.close();
  }
}

function unusable({ directory }: PgliteOptions, cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError(
    `the embedded warehouse in ${directory} cannot be opened: ${reason}; make the directory writable, or move it ` +
      "away to start anew",
    { cause },
  );
}
