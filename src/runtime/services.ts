/** The one place where adapters are chosen: real services where they are set, embedded ones where they are not. */
import type { CassandraConfig, Config, KafkaConfig } from "../config.ts";
import { describeError, ServiceError } from "../errors.ts";
import { openEmbeddedLog } from "../log/embedded.ts";
import { openKafka } from "../log/kafka.ts";
import type { Log } from "../log/mod.ts";
import { openPlatformatic } from "../log/platformatic.ts";
import { openCassandra } from "../sinks/cassandra.ts";
import { openEmbeddedTables } from "../sinks/embedded_table.ts";
import type { Tables } from "../sinks/mod.ts";
import { isPglite, openPglite, selectFromPglite } from "../warehouse/pglite.ts";
import { openPostgres } from "../warehouse/postgres.ts";
import { selectFromPostgres } from "../warehouse/postgres_select.ts";
import { lockDataDirectory } from "./data_directory.ts";
import { failpointVariable, parseFailpoint, withFailpoint } from "./failpoints.ts";
import type { Services } from "./stores.ts";

export interface OpenServices extends Services {
  /** Closes all; resolves when nothing of them is left. */
  close(): Promise<void>;
}

/**
 * Connects to the real services, all at once, and then opens the embedded ones: nothing is written when a setting is wrong.
 *
 * @param env What pipelines name of the environment is looked up by it.
 * @throws {ServiceError} the first one's that cannot be used; the others are closed again.
 */
export async function openServices(
  config: Config,
  env: (name: string) => string | undefined = () => undefined,
): Promise<OpenServices> {
  const failpoint = env(failpointVariable);
  if (!failpoint) return await openAll(config, env);
  const armed = parseFailpoint(failpoint);
  return withFailpoint(await openAll(config, env), armed, (name) => Deno.kill(Deno.pid, name));
}

/**
 * The first rows of a query to the warehouse alone: Postgres, or the embedded one. Nothing is made or brought up to date,
 * so it may be a replica, or that of another version.
 *
 * @throws {ServiceError} when it cannot be used, and when there is no embedded one.
 */
export async function selectFromWarehouse(
  { databaseUrl, dataDir }: Pick<Config, "databaseUrl" | "dataDir">,
  query: string,
  mostRows: number,
): Promise<Record<string, unknown>[]> {
  if (databaseUrl !== undefined) {
    return await selectFromPostgres({ url: databaseUrl, variable: "DATABASE_URL" }, query, mostRows);
  }
  if (!isPglite(warehouseIn(dataDir))) {
    throw new ServiceError(
      `There is no embedded warehouse in the data directory ${dataDir}; run a pipeline first, ` +
        "set WEIR_DATA_DIR to the folder that has one, or set DATABASE_URL",
    );
  }
  const directory = lockDataDirectory(dataDir);
  try {
    return await selectFromPglite({ directory: warehouseIn(dataDir) }, query, mostRows);
  } finally {
    directory.release();
  }
}

async function openAll(
  config: Config,
  env: (name: string) => string | undefined,
): Promise<OpenServices> {
  /** In the order of opening; what came last is closed first. */
  const opened: Promise<{ close(): Promise<void> }>[] = [];
  const open = <T extends { close(): Promise<void> }>(service: Promise<T>): Promise<T> => {
    opened.push(service);
    return service;
  };
  const close = async () => {
    const services = await Promise.allSettled(opened);
    for (const service of services.reverse()) if (service.status === "fulfilled") await service.value.close();
  };
  const selectFrom: Services["selectFrom"] = (variable, query, mostRows) => {
    const url = env(variable);
    if (!url) throw new ServiceError(`${variable} is not set; give the URL of a Postgres database`);
    return selectFromPostgres({ url, variable }, query, mostRows);
  };
  const { kafka, cassandra, databaseUrl } = config;
  try {
    const [log, tables, warehouse] = await Promise.all([
      kafka && open(connectKafka(kafka)),
      cassandra && open(connectCassandra(cassandra)),
      databaseUrl === undefined ? undefined : open(openPostgres({ url: databaseUrl })),
    ]);
    if (log && tables && warehouse) return { log, tables, warehouse, selectFrom, close };
    const directory = lockDataDirectory(config.dataDir);
    opened.push(Promise.resolve({ close: () => Promise.resolve(directory.release()) }));
    return {
      log: log ?? await open(Promise.resolve(openEmbeddedLog({ file: directory.file("log.db") }))),
      tables: tables ??
        await open(Promise.resolve(openEmbeddedTables({ file: directory.file("tables.db") }))),
      warehouse: warehouse ?? await open(openPglite({ directory: warehouseIn(directory.path) })),
      selectFrom,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function warehouseIn(dataDir: string): string {
  return `${dataDir}/warehouse`;
}

async function connectKafka({ brokers, client, ssl, sasl }: KafkaConfig): Promise<Log> {
  const open = client === "platformatic" ? openPlatformatic : openKafka;
  return await open({
    brokers,
    ...(ssl && { ssl: authorities(ssl, "KAFKA_SSL_CA") }),
    ...(sasl && { sasl }),
  });
}

async function connectCassandra({ ssl, ...rest }: CassandraConfig): Promise<Tables> {
  return await openCassandra({ ...rest, ...(ssl && { ssl: authorities(ssl, "CASSANDRA_SSL_CA") }) });
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
