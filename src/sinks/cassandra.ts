import { Buffer } from "node:buffer";
import type { Client, Host } from "cassandra-driver";
import type { CassandraTable } from "../pipeline.ts";
import { type CassandraSettings, connect } from "./cassandra_connection.ts";
import { CassandraFrames } from "./cassandra_frames.ts";
import { createTable, type Replication } from "./cassandra_schema.ts";
import { type CassandraCluster, CassandraWriter } from "./cassandra_writer.ts";
import type { CellRows } from "./cells.ts";
import type { Tables } from "./mod.ts";
import { Slots } from "./slots.ts";

export type { CassandraSettings };

/**
 * Batches under way at once, over all tables: enough to keep a few nodes busy, and far below the 2,048 that a
 * connection takes.
 */
const maxInFlight = 64;

/**
 * Tables in a Cassandra cluster. Lost servers are found again by themselves; until then `write` fails.
 *
 * @throws {ServiceError} when the cluster can't be used with these settings, naming the one to change, within about ten
 * seconds.
 * @param framesOf How batches are sent: one that answers undefined leaves their encoding to the driver.
 */
export async function openCassandra(
  settings: CassandraSettings,
  framesOf: typeof CassandraFrames.of = CassandraFrames.of,
): Promise<Tables> {
  const driver = await import("cassandra-driver");
  const { client, localDataCenter } = await connect(driver, settings);
  const cluster = { driver, client, frames: framesOf(driver, client), slots: new Slots(maxInFlight) };
  return new CassandraTables(cluster, localDataCenter, settings);
}

class CassandraTables implements Tables {
  readonly kind = "cassandra";
  readonly #cluster: CassandraCluster;
  readonly #client: Client;
  readonly #localDataCenter: string;
  readonly #contactPoints: readonly string[];
  readonly #batchBytes: number;
  readonly #tables = new Map<
    string,
    { readonly writer: CassandraWriter; readonly replication: Replication }
  >();

  constructor(
    cluster: CassandraCluster,
    localDataCenter: string,
    { contactPoints, batchBytes = 5120 }: CassandraSettings,
  ) {
    this.#cluster = cluster;
    this.#client = cluster.client;
    this.#localDataCenter = localDataCenter;
    this.#contactPoints = contactPoints;
    this.#batchBytes = batchBytes;
  }

  async createTable(table: CassandraTable<never>): Promise<void> {
    const replication = await createTable(this.#client, table, this.#localDataCenter);
    const writer = new CassandraWriter(this.#cluster, table);
    this.#tables.set(table.name, { writer, replication });
  }

  async write(table: CassandraTable<never>, rows: CellRows): Promise<void> {
    const known = this.#tables.get(table.name);
    if (!known) throw new Error(`Cannot write to Cassandra table ${table.name} before createTable`);
    const replicas = this.#replicaSets(table.keyspace, known.replication);
    await known.writer.write(rows, { maxBytes: this.#batchBytes, ...(replicas && { replicas }) });
  }

  async describe(): Promise<string> {
    const { rows } = await this.#client.execute("SELECT release_version FROM system.local");
    const local = this.#localHosts();
    const up = local.filter((host) => host.isUp()).length;
    return `Cassandra ${rows[0]?.["release_version"]} at ${this.#contactPoints.join(", ")}, ` +
      `data center ${this.#localDataCenter}, ${up} of ${local.length} node${
        local.length === 1 ? "" : "s"
      } up`;
  }

  async close(): Promise<void> {
    await this.#client.shutdown();
  }

  #localHosts(): Host[] {
    return this.#client.hosts.values().filter((host) => host.datacenter === this.#localDataCenter);
  }

  /**
   * Names the local nodes that hold a partition key, so that a batch only goes where all its rows live. Undefined
   * when that is everywhere, which saves hashing every key.
   */
  #replicaSets(
    keyspace: string,
    { copies, perDataCenter }: Replication,
  ): ((key: Uint8Array) => string) | undefined {
    const nodes = perDataCenter ? this.#localHosts().length : this.#client.hosts.length;
    if (nodes <= copies) return undefined;
    // The driver keeps one array of replicas for each token range.
    const names = new Map<readonly Host[], string>();
    return (key) => {
      const hosts =
        this.#client.getReplicas(keyspace, Buffer.from(key.buffer, key.byteOffset, key.byteLength)) ?? [];
      let name = names.get(hosts);
      if (name === undefined) {
        name = hosts.filter((host) => host.datacenter === this.#localDataCenter)
          .map((host) => host.address).sort().join();
        names.set(hosts, name);
      }
      return name;
    };
  }
}
