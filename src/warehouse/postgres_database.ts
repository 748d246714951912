// @ts-types="@types/pg"
import type { Pool, PoolClient } from "pg";
import { PostgresScript } from "./postgres_script.ts";
import type { SqlDatabase, SqlParameter, SqlRow, SqlSession } from "./sql_database.ts";

/** A Postgres server, with a pool of connections: each is set up once and keeps its staging tables. */
export class PostgresDatabase implements SqlDatabase {
  readonly kind = "postgres";
  readonly #pool: Pool;
  readonly #place: string;
  readonly #answerWithin: number;
  /** The temporary tables of every connection that was set up. */
  readonly #staged = new WeakMap<PoolClient, Set<string>>();

  constructor(pool: Pool, place: string, answerWithin: number) {
    this.#pool = pool;
    this.#place = place;
    this.#answerWithin = answerWithin;
    // A connection that breaks while nobody uses it is replaced when it is needed; while it is used, its query fails.
    // Without a listener either would end the process.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
  }

  async session(): Promise<SqlSession> {
    const client = await this.#pool.connect();
    const known = this.#staged.get(client);
    const session = new PostgresSession(client, known ?? new Set(), this.#answerWithin);
    if (known === undefined) {
      await session.run(setUp).catch((error) => {
        session.release(false);
        throw error;
      });
      this.#staged.set(client, session.staged);
    }
    return session;
  }

  describe(version: string): string {
    return `PostgreSQL ${version.split(" ")[0]} at ${this.#place}`;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/**
 * Staging tables have no statistics, and compiling a plan takes longer than any of ours runs. A process that hangs in
 * the middle of a transaction must not hold its locks for ever.
 */
const setUp = [
  "set jit = off",
  "set client_min_messages = error",
  "set standard_conforming_strings = on",
  "set idle_in_transaction_session_timeout = '60s'",
].join("; ");

class PostgresSession implements SqlSession {
  readonly #client: PoolClient;
  readonly #answerWithin: number;

  constructor(client: PoolClient, readonly staged: Set<string>, answerWithin: number) {
    this.#client = client;
    this.#answerWithin = answerWithin;
  }

  async query(text: string, parameters: readonly SqlParameter[] = []): Promise<readonly SqlRow[]> {
    const result = await this.#answered(this.#client.query<SqlRow>(text, [...parameters]));
    return result.rows;
  }

  run(text: string, copies: readonly (readonly Uint8Array[])[] = []): Promise<readonly string[]> {
    return this.#answered(this.#client.query(new PostgresScript(text, copies)).tags);
  }

  release(sound: boolean): void {
    this.#client.release(!sound);
  }

  /** A peer that is gone without a word is noticed by TCP after a quarter of an hour only. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    const late = setTimeout(() => {
      const error = new Error(`Postgres did not answer within ${this.#answerWithin} ms`);
      this.#client.connection.stream.destroy(error);
    }, this.#answerWithin);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
    }
  }
}
