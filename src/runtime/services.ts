/** The one place where adapters are chosen: real services where they are set, embedded ones where they are not. */
import type { Config } from "../config.ts";
import { describeError, ServiceError } from "../errors.ts";
import { openEmbeddedLog } from "../log/embedded.ts";
import { openKafka } from "../log/kafka.ts";
import type { Log } from "../log/mod.ts";
import { openCassandra } from "../sinks/cassandra.ts";
import { openEmbeddedTables } from "../sinks/embedded_table.ts";
import type { Tables } from "../sinks/mod.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import { openPglite } from "../warehouse/pglite.ts";
import { openPostgres } from "../warehouse/postgres.ts";
import { type DataDirectory, lockDataDirectory } from "./data_directory.ts";
import type { Services } from "./pipeline_run.ts";

export interface OpenServices extends Services {
  /** Closes all; resolves when nothing of them is left. */
  close(): Promise<void>;
}

/**
 * Connects to all services at once.
 *
 * @throws {ServiceError} the first one's that cannot be used; the others are closed again.
 */
export async function openServices(config: Config): Promise<OpenServices> {
  const embedded = !config.kafka || !config.cassandra || config.databaseUrl === undefined;
  const directory = embedded ? lockDataDirectory(config.dataDir) : undefined;
  const [log, tables, warehouse] = await Promise.allSettled([
    openLog(config, directory),
    openTables(config, directory),
    openWarehouse(config, directory),
  ]);
  const opened = [log, tables, warehouse].flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  const close = async () => {
    await Promise.allSettled(opened.map((service) => service.close()));
    directory?.release();
  };
  if (log.status === "fulfilled" && tables.status === "fulfilled" && warehouse.status === "fulfilled") {
    return { log: log.value, tables: tables.value, warehouse: warehouse.value, close };
  }
  await close();
  throw [log, tables, warehouse].find((each) => each.status === "rejected")!.reason;
}

async function openLog({ kafka }: Config, directory: DataDirectory | undefined): Promise<Log> {
  if (!kafka) return openEmbeddedLog({ file: directory!.file("log.db") });
  const { brokers, ssl, sasl } = kafka;
  return await openKafka({
    brokers,
    ...(ssl && { ssl: authorities(ssl, "KAFKA_SSL_CA") }),
    ...(sasl && { sasl }),
  });
}

async function openTables({ cassandra }: Config, directory: DataDirectory | undefined): Promise<Tables> {
  if (!cassandra) return openEmbeddedTables({ file: directory!.file("tables.db") });
  const { ssl, ...rest } = cassandra;
  return await openCassandra({ ...rest, ...(ssl && { ssl: authorities(ssl, "CASSANDRA_SSL_CA") }) });
}

async function openWarehouse(
  { databaseUrl }: Config,
  directory: DataDirectory | undefined,
): Promise<Warehouse> {
  if (databaseUrl === undefined) return await openPglite({ directory: directory!.file("warehouse") });
  return await openPostgres({ url: databaseUrl });
}

function authorities(
  ssl: true | { readonly caFile: string },
  setting: string,
): true | { readonly ca: string } {
  if (ssl === true) return true;
  try {
    return { ca: Deno.readTextFileSync(ssl.caFile) };
  } catch (cause) {
    throw new ServiceError(`Cannot read ${setting}, ${ssl.caFile}: ${describeError(cause)}`, { cause });
  }
}
