/**
 * What the servers allow: writes rows directly to Cassandra and to Postgres at once, without a log, workers or
 * checkpoints, as fast as their clients go, in batches of the sizes that Weir uses. The tables `weir_bench.raw` and
 * `raw` are there, and empty.
 *
 *     raw_writers.ts ROWS CASSANDRA POSTGRES_URL
 *
 * Prints one line of JSON: records, seconds, cpuSeconds.
 */
import process from "node:process";
import { Client } from "pg";
import { userColumns } from "../../src/pipelines/users.ts";
import { cassandraClient } from "../services.ts";
import { benchUser } from "../users.ts";

type Cassandra = Awaited<ReturnType<typeof cassandraClient>>;

const columns = Object.keys(userColumns);
const cassandraBatchRows = 7; // as Cassandra counts them just under 5 KiB, its threshold for a warning
const inFlight = 64;
const postgresBatchRows = 5_000;

async function writeCassandra(client: Cassandra, rows: readonly Record<string, string>[]): Promise<void> {
  const insert = `insert into weir_bench.raw (${columns.join(", ")}) values (${
    columns.map(() => "?").join(", ")
  })`;
  let next = 0;
  const writer = async () => {
    while (next < rows.length) {
      const batch = rows.slice(next, next += cassandraBatchRows);
      const queries = batch.map((row) => ({ query: insert, params: columns.map((name) => row[name]) }));
      await client.batch(queries, { prepare: true, logged: false, isIdempotent: true });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
}

async function writePostgres(client: Client, rows: readonly Record<string, string>[]): Promise<void> {
  const updates = columns.filter((name) => name !== "id").map((name) => `${name} = excluded.${name}`).join(
    ", ",
  );
  const arrays = columns.map((_, i) => `$${i + 1}::text[]`).join(", ");
  const insert = `insert into raw select * from unnest(${arrays}) on conflict (id) do update set ${updates}`;
  for (let at = 0; at < rows.length; at += postgresBatchRows) {
    const batch = rows.slice(at, at + postgresBatchRows);
    await client.query({
      name: "insert",
      text: insert,
      values: columns.map((name) => batch.map((row) => row[name])),
    });
  }
}

if (import.meta.main) {
  const [count, address, url] = Deno.args;
  const rows = Array.from({ length: Number(count) }, (_, n) => benchUser(n));
  // Connecting is left out, as in Weir's steady rate.
  const cassandra = await cassandraClient(address!);
  const postgres = new Client({ connectionString: url! });
  await postgres.connect();

  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all([writeCassandra(cassandra, rows), writePostgres(postgres, rows)]);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ records: rows.length, seconds, cpuSeconds: (user + system) / 1e6 }));
  await Promise.all([cassandra.shutdown(), postgres.end()]);
}
