import { PgliteConnection } from "./pglite_connection.ts";
import type { SqlDatabase, SqlParameter, SqlRow, SqlSession } from "./sql_database.ts";

/** One connection, which its sessions use in turn. It is opened anew after the database in the worker broke. */
export class PgliteDatabase implements SqlDatabase {
  readonly kind = "embedded";
  readonly #directory: string;
  #connection: PgliteConnection | undefined;
  #staged = new Set<string>();
  /** Resolves when the last session that was asked for is released. */
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens the database in a directory, and makes it first if there is none. */
  static async open(directory: string): Promise<PgliteDatabase> {
    await createDatabase(directory);
    return new PgliteDatabase(directory);
  }

  async session(): Promise<SqlSession> {
    const released = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = released.promise;
    await before;
    try {
      const connection = await this.#open();
      return new PgliteSession(connection, this.#staged, (sound) => {
        if (!sound) connection.abandon(new Error("its last transaction ended in an unknown state"));
        released.resolve();
      });
    } catch (error) {
      released.resolve();
      throw error;
    }
  }

  describe(version: string): string {
    return `PGlite (PostgreSQL ${version.split(".")[0]}) in ${this.#directory}`;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    await this.#connection?.close();
    this.#connection = undefined;
  }

  async #open(): Promise<PgliteConnection> {
    if (this.#closed) throw new Error(`the embedded warehouse in ${this.#directory} is closed`);
    if (this.#connection === undefined || this.#connection.broken) {
      this.#connection = await PgliteConnection.open(this.#directory);
      this.#staged = new Set();
    }
    return this.#connection;
  }
}

class PgliteSession implements SqlSession {
  readonly #connection: PgliteConnection;
  readonly #release: (sound: boolean) => void;

  constructor(connection: PgliteConnection, readonly staged: Set<string>, release: (sound: boolean) => void) {
    this.#connection = connection;
    this.#release = release;
  }

  query(text: string, parameters: readonly SqlParameter[] = []): Promise<readonly SqlRow[]> {
    return this.#connection.query(text, parameters);
  }

  run(text: string, copies: readonly (readonly Uint8Array[])[] = []): Promise<readonly string[]> {
    return this.#connection.run(text, copies);
  }

  release(sound: boolean): void {
    this.#release(sound);
  }
}

/**
 * Makes the database beside its place, and moves it there when it is whole. The worker that made it is done with
 * then: it holds 350 MB that it would not give back.
 */
async function createDatabase(directory: string): Promise<void> {
  const present = await entries(directory);
  if (present.includes("PG_VERSION")) return;
  if (present.length > 0) throw new Error(`it holds other files (${present[0]})`);
  const unfinished = `${directory}.new`;
  await Deno.remove(unfinished, { recursive: true }).catch(ignoreAbsent);
  await Deno.mkdir(unfinished, { recursive: true });
  const connection = await PgliteConnection.open(unfinished);
  await connection.close();
  await Deno.remove(directory).catch(ignoreAbsent); // an empty one
  await Deno.rename(unfinished, directory);
}

async function entries(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).map((entry) => entry.name);
  } catch (error) {
    ignoreAbsent(error);
    return [];
  }
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
