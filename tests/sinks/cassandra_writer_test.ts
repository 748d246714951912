/** What the writer does beyond the contract of tables, on a real server. */
import assert from "node:assert/strict";
import * as driver from "cassandra-driver";
import type { CassandraTable } from "../../src/pipeline.ts";
import { cassandraTable } from "../../src/sink.ts";
import { anyNode } from "../../src/sinks/cassandra_connection.ts";
import { CassandraFrames, OtherProtocol } from "../../src/sinks/cassandra_frames.ts";
import { CassandraWriter } from "../../src/sinks/cassandra_writer.ts";
import { CellEncoder } from "../../src/sinks/cell_encoder.ts";
import { Slots } from "../../src/sinks/slots.ts";
import { service, uniqueName } from "../support/env.ts";

const address = service("cassandra");
const now = 1_700_000_000_000_000;

/** Goes round the nodes, and keeps by which keys it was asked. */
class Witness extends driver.policies.loadBalancing.RoundRobinPolicy {
  readonly asked: string[] = [];

  override newQueryPlan(
    keyspace: string,
    options: driver.ExecutionOptions | null,
    callback: (error: Error, iterator: Iterator<driver.Host>) => void,
  ): void {
    const key = options?.getRoutingKey();
    if (key) this.asked.push(`${options!.getKeyspace()} ${key}`);
    super.newQueryPlan(keyspace, options!, callback);
  }
}

/** A keyspace of its own, with a table `t (name text, id text PRIMARY KEY)`, and how to write to it. */
class Fixture implements AsyncDisposable {
  readonly witness = new Witness();
  readonly client: driver.Client;
  readonly frames: CassandraFrames;
  readonly keyspace = uniqueName("weir_test");
  readonly #table = cassandraTable(`${this.keyspace}.t`, {
    columns: { name: "text", id: "text" },
    key: ["id"],
  }) as unknown as CassandraTable<never>;
  #writer: CassandraWriter | undefined;

  constructor(options: Partial<driver.ClientOptions> = {}) {
    const loadBalancing = this.witness;
    this.client = new driver.Client({
      contactPoints: [address!],
      localDataCenter: "datacenter1",
      policies: { loadBalancing },
      profiles: [new driver.ExecutionProfile(anyNode, { loadBalancing })],
      ...options,
    });
    this.frames = CassandraFrames.of(driver, this.client)!;
  }

  /** Writes a row for each id. */
  async write(ids: readonly string[], replicas?: () => string): Promise<void> {
    if (!this.#writer) await this.#create();
    const encoder = new CellEncoder(this.#table.columns, this.#table.key);
    for (const id of ids) encoder.add({ id, name: `name of ${id}` }, now);
    await this.#writer!.write(encoder.finish(), { maxBytes: 5_120, ...(replicas && { replicas }) });
  }

  async ids(): Promise<string[]> {
    const { rows } = await this.client.execute(`SELECT id, name FROM ${this.#table.name}`);
    for (const row of rows) assert.equal(row["name"], `name of ${row["id"]}`);
    return rows.map((row) => row["id"]).sort();
  }

  /** How many servers hold the table's INSERT prepared. */
  async prepared(): Promise<number> {
    const { rows } = await this.client.execute("SELECT query_string FROM system.prepared_statements");
    return rows.filter((row) => row["query_string"].startsWith(`INSERT INTO "${this.keyspace}"`)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.execute(`DROP KEYSPACE IF EXISTS ${this.keyspace}`);
    await this.client.shutdown();
  }

  async #create(): Promise<void> {
    await this.client.execute(
      `CREATE KEYSPACE ${this.keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    );
    await this.client.execute(`CREATE TABLE ${this.#table.name} (name text, id text PRIMARY KEY)`);
    const { client, frames } = this;
    this.#writer = new CassandraWriter({ driver, client, frames, slots: new Slots(8) }, this.#table);
  }
}

function test(what: string, run: () => Promise<void>): void {
  Deno.test(`Cassandra writer: ${what}`, { ignore: address === undefined }, run);
}

test("a statement that the server has forgotten is prepared again", async () => {
  await using fixture = new Fixture();
  await fixture.write(["a"]);
  assert.equal(await fixture.prepared(), 1);
  await fixture.client.execute(`ALTER TABLE ${fixture.keyspace}.t ADD more text`);
  assert.equal(await fixture.prepared(), 0, "a change of the table makes the server forget");
  const ids = Array.from({ length: 500 }, (_, id) => `b${id}`);
  await fixture.write(ids);
  assert.equal(await fixture.prepared(), 1);
  assert.deepEqual(await fixture.ids(), ["a", ...ids].sort());
});

test("on another version of the protocol the driver encodes", async () => {
  await using fixture = new Fixture({ protocolOptions: { maxVersion: 3 } });
  const ids = Array.from({ length: 500 }, (_, id) => `c${id}`);
  await fixture.write(ids);
  const insert = `INSERT INTO ${fixture.keyspace}.t (id) VALUES (?)`;
  const none = { bytes: new Uint8Array(), starts: new Float64Array(1), rows: [], width: 1 };
  await assert.rejects(fixture.frames.send(insert, none, {}), OtherProtocol);
  assert.deepEqual(await fixture.ids(), ids.sort());
});

test("where nodes hold different rows, the driver learns the partition key", async () => {
  await using fixture = new Fixture();
  await fixture.write(["d1", "d2"], () => "these nodes");
  assert.deepEqual(await fixture.ids(), ["d1", "d2"]);
  assert.deepEqual(fixture.witness.asked, [`${fixture.keyspace} d1`]);
});
