/**
 * What the servers allow: writes rows directly to Cassandra and to Postgres at once, without a log, workers or
 * checkpoints, as fast as their clients go, in batches of the sizes that Weir uses. Neither runs far ahead of the
 * other, as in Weir: else the slower one would have the machine for itself at the end. The tables `weir_bench.raw` and
 * `raw` are there, and empty.
 *
 *     raw_writers.ts ROWS CASSANDRA POSTGRES_URL
 *
 * Prints its steady cost as one line of JSON; a row is through when both have it.
 */
import { Client } from "pg";
import { userColumns } from "../../src/pipelines/users.ts";
import { Course } from "../course.ts";
import { cassandraClient } from "../services.ts";
import { benchUser } from "../users.ts";
import { InStep } from "./in_step.ts";
import { stepRecords, used } from "./parse_meter.ts";

type Cassandra = Awaited<ReturnType<typeof cassandraClient>>;
type Row = Readonly<Record<string, string>>;

/** Writes what it takes of the rows, and says how many it has written. */
type Written = (rows: number) => void;

const columns = Object.keys(userColumns);
const cassandraBatchRows = 7; // as Cassandra counts them just under 5 KiB, its threshold for a warning
const inFlight = 64;
const postgresBatchRows = 5_000;

/** Rows of 430 bytes that Weir has on the way by default, that is 8 MiB. */
const lead = 20_000;

async function writeCassandra(client: Cassandra, batches: AsyncIterable<Row[]>, written: Written) {
  const insert = `insert into weir_bench.raw (${columns.join(", ")}) values (${
    columns.map(() => "?").join(", ")
  })`;
  const source = batches[Symbol.asyncIterator]();
  const writer = async () => {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const queries = next.value.map((row) => ({ query: insert, params: columns.map((name) => row[name]) }));
      await client.batch(queries, { prepare: true, logged: false, isIdempotent: true });
      written(queries.length);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
}

async function writePostgres(client: Client, batches: AsyncIterable<Row[]>, written: Written) {
  const updates = columns.filter((name) => name !== "id").map((name) => `${name} = excluded.${name}`).join(
    ", ",
  );
  const arrays = columns.map((_, i) => `$${i + 1}::text[]`).join(", ");
  const insert = `insert into raw select * from unnest(${arrays}) on conflict (id) do update set ${updates}`;
  for await (const batch of batches) {
    await client.query({
      name: "insert",
      text: insert,
      values: columns.map((name) => batch.map((row) => row[name])),
    });
    written(batch.length);
  }
}

if (import.meta.main) {
  const [count, address, url] = Deno.args;
  const rows = Array.from({ length: Number(count) }, (_, n) => benchUser(n));
  const cassandra = await cassandraClient(address!);
  const postgres = new Client({ connectionString: url! });
  await postgres.connect();

  const course = new Course(rows.length);
  const step = new InStep(rows, lead, ["cassandra", "postgres"]);
  const to = (name: "cassandra" | "postgres"): Written => (written) => {
    step.done(name, written);
    const through = step.throughBoth;
    if (through - course.done >= stepRecords || through === rows.length) course.look(through, used);
  };
  await Promise.all([
    writeCassandra(cassandra, step.batches(cassandraBatchRows), to("cassandra")),
    writePostgres(postgres, step.batches(postgresBatchRows), to("postgres")),
  ]);
  await Promise.all([cassandra.shutdown(), postgres.end()]);
  console.log(JSON.stringify(course.steady()));
}
