import type { Log } from "../log/mod.ts";
import type { CassandraTable, Pipeline, Source, TopicSink } from "../pipeline.ts";
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
 * Makes a plan's topics and its tables outside the warehouse where they are absent. Those of the plans that write what it
 * reads have to be there.
 *
 * @throws {SchemaMismatch} when a table is there and does not fit.
 */
export async function prepareStores(
  { source, deadLetter, deadLetterOf, outputs }: Pipeline,
  services: Services,
): Promise<void> {
  const { log, tables } = services;
  const { topic, behind } = source;
  const partitions = await partitionsOf(source, log);
  await log.createTopic(topic, { partitions, ...(behind && { asLargeAs: behind }) });
  await log.createTopic(deadLetter, { partitions, asLargeAs: deadLetterOf });
  for (const { sink } of outputs) {
    if (sink.kind === "cassandra") await tables.createTable(sink as CassandraTable<never>);
    const { partitions } = sink as TopicSink<never>;
    // The topic of a `repartition` is made with the plan that reads it: others may write to it, too.
    if (sink.kind === "topic" && partitions !== undefined) {
      await log.createTopic(sink.name, { partitions, asLargeAs: [topic] });
    }
  }
}

async function partitionsOf({ partitions, behind = [], group }: Source<unknown>, log: Log): Promise<number> {
  if (partitions !== "as before") return partitions;
  const before = await Promise.all(behind.map((topic) => log.offsets(topic, group)));
  return Math.max(...before.map(({ length }) => length));
}
