import type { Client } from "cassandra-driver";
import type { ColumnType } from "../columns.ts";
import type { CassandraTable } from "../pipeline.ts";
import { checkTable, type TableShape } from "./table_mismatch.ts";

const cqlTypes: Readonly<Record<ColumnType, string>> = {
  text: "text",
  uuid: "uuid",
  int: "int",
  bigint: "bigint",
  double: "double",
  boolean: "boolean",
  timestamp: "timestamp",
  date: "date",
  json: "text",
  bytes: "blob",
};

/**
 * How many nodes hold each row of a keyspace: in the local data center, or in the whole cluster when it knows no
 * centers.
 */
export interface Replication {
  readonly copies: number;
  readonly perDataCenter: boolean;
}

/**
 * Makes a table and its keyspace unless they are there.
 *
 * @throws {SchemaMismatch} when the table is there and its columns or key do not fit.
 */
export async function createTable(
  client: Client,
  table: CassandraTable<never>,
  localDataCenter: string,
): Promise<Replication> {
  const { keyspace, table: name } = table;
  let replication = await readReplication(client, keyspace);
  if (!replication) {
    await client.execute(
      `CREATE KEYSPACE IF NOT EXISTS "${keyspace}" WITH replication = ${
        newReplication(client, localDataCenter)
      }`,
    );
    replication = await readReplication(client, keyspace);
  }
  let found = await readTable(client, keyspace, name);
  if (found.columns.size === 0) {
    await client.execute(creation(table));
    // Another process may have made it first, and otherwise.
    found = await readTable(client, keyspace, name);
  }
  const columns = new Map(table.columns.map((column) => [column.name, cqlTypes[column.type]]));
  checkTable(table.name, found, { columns, key: table.key });
  return copies(replication ?? {}, localDataCenter);
}

function creation({ keyspace, table, columns, key }: CassandraTable<never>): string {
  const definitions = columns.map(({ name, type }) => `"${name}" ${cqlTypes[type]}`);
  const primaryKey = key.map((name) => `"${name}"`).join(", ");
  return `CREATE TABLE IF NOT EXISTS "${keyspace}"."${table}" (${
    definitions.join(", ")
  }, PRIMARY KEY (${primaryKey}))`;
}

function newReplication(client: Client, localDataCenter: string): string {
  if (client.hosts.length === 1) return `{ 'class': 'SimpleStrategy', 'replication_factor': 1 }`;
  const nodes = client.hosts.values().filter((host) => host.datacenter === localDataCenter).length;
  const center = localDataCenter.replaceAll("'", "''");
  return `{ 'class': 'NetworkTopologyStrategy', '${center}': ${Math.min(3, nodes)} }`;
}

async function readReplication(
  client: Client,
  keyspace: string,
): Promise<Record<string, string> | undefined> {
  const { rows } = await client.execute(
    "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
    [keyspace],
    { prepare: true },
  );
  return rows[0]?.["replication"];
}

function copies(replication: Readonly<Record<string, string>>, localDataCenter: string): Replication {
  const perDataCenter = replication[localDataCenter] !== undefined;
  // Where neither is given, every node has every row.
  const factor = replication[localDataCenter] ?? replication["replication_factor"] ?? "Infinity";
  return { copies: parseFloat(factor), perDataCenter };
}

async function readTable(client: Client, keyspace: string, table: string): Promise<TableShape> {
  const { rows } = await client.execute(
    "SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
    [keyspace, table],
    { prepare: true },
  );
  const keyColumns = (kind: string) =>
    rows.filter((row) => row["kind"] === kind)
      .sort((a, b) => a["position"] - b["position"])
      .map((row): string => row["column_name"]);
  const partition = keyColumns("partition_key");
  return {
    columns: new Map(rows.map((row) => [
      row["column_name"],
      row["kind"] === "static" ? `static ${row["type"]}` : row["type"],
    ])),
    // As CQL writes it: a partition key of several columns is in parentheses.
    key: [partition.length > 1 ? `(${partition.join(", ")})` : partition.join(), ...keyColumns("clustering")],
  };
}
