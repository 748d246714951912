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
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return {
    url: url.href,
    query: async (text) => (await client.query<Record<string, string | null>>(text)).rows,
    async drop() {
      await client.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
