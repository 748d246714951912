import { startServices } from "../tests/support/services/mod.ts";

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
  return { kafka, cassandra, postgres, stop: () => services.stop() };
}

/** The URL of a new, empty database. */
export async function freshDatabase(postgres: string, name: string): Promise<string> {
  const { Client } = await import("pg");
  const client = new Client({ connectionString: postgres });
  await client.connect();
  await client.query(`drop database if exists ${name}`);
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  return url.href;
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
  const { Kafka, logLevel } = await import("kafkajs");
  return new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
}
