import { DatabaseSync } from "node:sqlite";
import { describeError, ServiceError } from "../errors.ts";

/** The folder of the embedded log, tables and warehouse, held by this process alone. */
export interface DataDirectory {
  readonly path: string;
  /** The path of something in it. */
  file(name: string): string;
  release(): void;
}

/**
 * Makes the folder if it is absent and locks it. The lock is SQLite's on a file of its own: the operating system
 * lets go of it when the process ends, however it ends.
 *
 * @throws {ServiceError} when it cannot be made or written, or another process has it.
 */
export function lockDataDirectory(path: string): DataDirectory {
  const file = (name: string) => `${path}/${name}`;
  try {
    Deno.mkdirSync(path, { recursive: true });
    Deno.writeTextFileSync(file(".writable"), "");
    Deno.removeSync(file(".writable"));
  } catch (cause) {
    throw new ServiceError(
      `Cannot write to the data directory ${path}: ${
        describeError(cause)
      }; set WEIR_DATA_DIR to a folder that can be written`,
      { cause },
    );
  }
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file("lock"));
    lock.exec(
      "pragma locking_mode = exclusive; begin exclusive; create table if not exists held (by integer); commit",
    );
  } catch (cause) {
    lock?.close();
    if (!/is locked/.test(describeError(cause))) {
      throw new ServiceError(
        `Cannot lock the data directory ${path} by its file "lock": ${
          describeError(cause)
        }; remove that file, or set WEIR_DATA_DIR to another folder`,
        { cause },
      );
    }
    throw new ServiceError(
      `Another process uses the data directory ${path}; stop it, set WEIR_DATA_DIR to another folder, or set KAFKA_BROKERS, ` +
        "CASSANDRA_CONTACT_POINTS and DATABASE_URL: several processes can share real services only",
      { cause },
    );
  }
  return { path, file, release: () => lock.close() };
}
