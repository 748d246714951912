import { ServiceError } from "../errors.ts";
import type { Warehouse } from "./mod.ts";
import { PgliteDatabase } from "./pglite_database.ts";
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
export async function openPglite({ directory }: PgliteOptions): Promise<Warehouse> {
  try {
    return await openSqlWarehouse(await PgliteDatabase.open(directory));
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError(
      `the embedded warehouse in ${directory} cannot be opened: ${reason}; make the directory writable, or move it ` +
        "away to start anew",
      { cause },
    );
  }
}
