import { uniqueName } from "./env.ts";

/** A database of its own on a Postgres server, and a client that is connected to it. */
export interface TestDatabase {
  readonly url: string;
  /** Runs one statement; gives the rows of a select of texts. */
  query(text: string): Promise<Record<string, string | null>[]>;
  /** Ends all connections to the database and drops it. */
  drop(): Promise<void>;
}

export async function createDatabase(server: string): Promise<TestDatabase> {
  // @ts-types="@types/pg"
  const { default: pg } = await import("pg");
  const name = uniqueName("weir_test");
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await admin(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  // One connection, which is made anew after the server was away.
  const pool = new pg.Pool({ connectionString: url.href, max: 1 });
  pool.on("error", () => {});
  return {
    url: url.href,
    query: async (text) => (await pool.query<Record<string, string | null>>(text)).rows,
    async drop() {
      await pool.end();
      await admin(`drop database ${name} with (force)`);
    },
  };
}
