import { loadKafkaClients } from "../src/log/kafka_client.ts";
import { startServices } from "../tests/support/services/mod.ts";
import type { Settings } from "./environment.ts";

/** The servers that are measured: those that WEIR_TEST_* name, or ones of our own on this machine. */
export interface BenchServices {
  readonly kafka: string;
  readonly cassandra: string;
  readonly postgres: string;
  stop(): Promise<void>;
}

export async function benchServices(): Promise<BenchServices> {
  const services = await startServices({
    report: (line) => console.error(line),
    signal: new AbortController().signal,
  });
  const { WEIR_TEST_KAFKA: kafka, WEIR_TEST_CASSANDRA: cassandra, WEIR_TEST_POSTGRES: postgres } =
    services.env;
  if (!kafka || !cassandra || !postgres) {
    await services.stop();
    throw new Error(`Cannot measure without all three servers:\n${services.missing.join("\n")}`);
  }
  try {
    const only = await onlyBenchmark(postgres);
    return {
      kafka,
      cassandra,
      postgres,
      async stop() {
        await only[Symbol.asyncDispose]();
        await services.stop();
      },
    };
  } catch (error) {
    await services.stop();
    throw error;
  }
}

/** Keeps other benchmarks off these servers: they would use the same topics and tables, and the same cores. */
async function onlyBenchmark(postgres: string): Promise<AsyncDisposable> {
  const { Client } = await import("pg");
  const client = new Client({ connectionString: postgres });
  await client.connect();
  // Any number that nothing else takes; the server gives it back when the connection ends, however that happens.
  const { rows: [taken] } = await client.query("select pg_try_advisory_lock(7239448001) as free");
  if (!taken.free) {
    await client.end();
    throw new Error("Another benchmark runs on these servers; wait until it has ended");
  }
  return { [Symbol.asyncDispose]: () => client.end() };
}

/** The settings that let Weir use the servers, with a database, and those that differ in all runs. */
export function settingsFor(
  { services: { kafka, cassandra }, set }: { readonly services: BenchServices; readonly set: Settings },
  databaseUrl: string,
): Settings {
  return { ...set, KAFKA_BROKERS: kafka, CASSANDRA_CONTACT_POINTS: cassandra, DATABASE_URL: databaseUrl };
}

/** The URL of a new, empty database. */
export async function freshDatabase(postgres: string, name: string): Promise<string> {
  await inDatabase(postgres, [`drop database if exists ${name} with (force)`, `create database ${name}`]);
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs SQL in the database of a URL, one statement after the other. */
export async function inDatabase(url: string, statements: readonly string[]): Promise<void> {
  const { Client } = await import("pg");
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs CQL, one statement after the other. */
export async function inCassandra(address: string, statements: readonly string[]): Promise<void> {
  const client = await cassandraClient(address);
  try {
    for (const statement of statements) await client.execute(statement);
  } finally {
    await client.shutdown();
  }
}

/** A client of the Cassandra at an address. */
export async function cassandraClient(address: string) {
  const { Client } = await import("cassandra-driver");
  const client = new Client({ contactPoints: [address], localDataCenter: "datacenter1" });
  await client.connect();
  return client;
}

/** A client of the Kafka at an address that says nothing by itself. */
export async function kafkaClient(broker: string) {
  return (await loadKafkaClients({ brokers: [broker], clientId: "weir-bench" }))().kafka;
}
