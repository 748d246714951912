import { userColumns } from "../src/pipelines/users.ts";
import { type BenchServices, freshDatabase, inCassandra, inDatabase } from "./services.ts";

const keyspace =
  "create keyspace if not exists weir_bench with replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

/** The columns of the users' table in SQL and CQL alike. */
const userTable = Object.keys(userColumns).map((name) => `${name} text`).join(", ");

/** No table of rows in Cassandra, so that Weir makes it; and the URL of an empty database. */
export async function weirTables({ cassandra, postgres }: BenchServices): Promise<string> {
  await inCassandra(cassandra, [keyspace, "drop table if exists weir_bench.rows"]);
  return await freshDatabase(postgres, "weir_bench_weir");
}

/** The same for the raw writers, with the tables made. */
export async function rawTables({ cassandra, postgres }: BenchServices): Promise<string> {
  await inCassandra(cassandra, [
    keyspace,
    "drop table if exists weir_bench.raw",
    `create table weir_bench.raw (${userTable}, primary key (id))`,
  ]);
  const url = await freshDatabase(postgres, "weir_bench_raw");
  await inDatabase(url, [`create table raw (${userTable}, primary key (id))`]);
  return url;
}

/** Empty tables for Spark's job that writes rows, and the flags that name them. */
export async function sparkRowTables(services: BenchServices): Promise<Record<string, string>> {
  await inCassandra(services.cassandra, [
    keyspace,
    "drop table if exists weir_bench.spark_users",
    `create table weir_bench.spark_users (${userTable}, primary key (id))`,
  ]);
  const postgres = await freshDatabase(services.postgres, "weir_bench_spark");
  await inDatabase(postgres, [
    `create table spark_users (${userTable}, primary key (id))`,
    `create unlogged table spark_staging (${userTable})`,
  ]);
  return { brokers: services.kafka, cassandra: services.cassandra, postgres };
}

/** Empty tables for Spark's job that counts, and the flags that name them. */
export async function sparkCountTables(services: BenchServices): Promise<Record<string, string>> {
  const columns = "window_start timestamp, username text, records bigint";
  const postgres = await freshDatabase(services.postgres, "weir_bench_spark");
  await inDatabase(postgres, [
    `create table spark_counts (${columns}, primary key (window_start, username))`,
    `create unlogged table spark_staging (${columns})`,
  ]);
  return { brokers: services.kafka, postgres };
}
