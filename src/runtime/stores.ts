import type { Log } from "../log/mod.ts";
import type { CassandraTable, Pipeline, TopicSink } from "../pipeline.ts";
import type { Tables } from "../sinks/mod.ts";
import type { Warehouse } from "../warehouse/mod.ts";

/** The services that the process is connected to. */
export interface Services {
  readonly log: Log;
  readonly tables: Tables;
  readonly warehouse: Warehouse;
  /** Runs a query on the Postgres whose URL a variable of the environment has, as `Warehouse.select` does. */
  readonly selectFrom?: (
    variable: string,
    query: string,
    mostRows: number,
  ) => Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/**
 * Makes a pipeline's topics and its tables outside the warehouse where they are absent.
 *
 * @throws {SchemaMismatch} when a table is there and does not fit.
 */
export async function prepareStores(
  { source, deadLetter, outputs }: Pipeline,
  services: Services,
): Promise<void> {
  const { log, tables } = services;
  const { topic, group, partitions } = source;
  await log.createTopic(topic, { partitions });
  await log.createTopic(deadLetter, { partitions, asLargeAs: topic });
  for (const { sink } of outputs) {
    if (sink.kind === "cassandra") await tables.createTable(sink as CassandraTable<never>);
    if (sink.kind !== "topic") continue;
    const given = (sink as TopicSink<never>).partitions;
    await log.createTopic(sink.name, {
      partitions: given === "as before" ? (await log.offsets(topic, group)).length : given,
      asLargeAs: topic,
    });
  }
}
