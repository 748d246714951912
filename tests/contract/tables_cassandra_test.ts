import assert from "node:assert/strict";
import { Client } from "cassandra-driver";
import type { ColumnType } from "../../src/columns.ts";
import { describeError, RejectedRows, SchemaMismatch, ServiceError } from "../../src/errors.ts";
import { type CassandraSettings, openCassandra } from "../../src/sinks/cassandra.ts";
import { CassandraFrames } from "../../src/sinks/cassandra_frames.ts";
import type { Tables } from "../../src/sinks/mod.ts";
import { service } from "../support/env.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import {
  encode,
  failure,
  type Row,
  type Table,
  tableOf,
  type TablesStore,
  tablesSuite,
  testKeyspace,
} from "./tables_suite.ts";

const address = service("cassandra");
const ignore = address === undefined;
const contactPoints = [address!];

/** The ways in which batches are sent. */
const ways = {
  "Cassandra": CassandraFrames.of,
  "Cassandra, encoded by the driver": () => undefined,
};

/** The cluster as another client sees it. */
class CassandraStore implements TablesStore {
  readonly #client = new Client({ contactPoints, localDataCenter: "datacenter1" });
  readonly #framesOf: typeof CassandraFrames.of;

  constructor(framesOf: typeof CassandraFrames.of) {
    this.#framesOf = framesOf;
  }

  open(settings: Partial<CassandraSettings> = {}): Promise<Tables> {
    return openCassandra({ contactPoints, ...settings }, this.#framesOf);
  }

  async query(cql: string): Promise<Row[]> {
    return (await this.#client.execute(cql)).rows;
  }

  async read({ keyspace, table, columns }: Table): Promise<Row[]> {
    const names = columns.map(({ name }) => `"${name}"`).join(", ");
    const rows: Row[] = [];
    for await (const row of await this.#client.execute(`SELECT ${names} FROM ${keyspace}."${table}"`)) {
      rows.push(Object.fromEntries(columns.map(({ name, type }) => [name, fromCassandra(type, row[name])])));
    }
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.query(`DROP KEYSPACE IF EXISTS ${testKeyspace}`);
    await this.#client.shutdown();
  }
}

function fromCassandra(type: ColumnType, value: unknown): unknown {
  if (value === null) return null;
  if (type === "uuid" || type === "date") return String(value);
  if (type === "bigint") return BigInt(String(value));
  if (type === "bytes") return new Uint8Array(value as Uint8Array);
  return value;
}

for (const [name, framesOf] of Object.entries(ways)) {
  tablesSuite({ name, ignore, start: () => Promise.resolve(new CassandraStore(framesOf)) });
}

function test(what: string, run: (store: CassandraStore) => Promise<void>): void {
  for (const [name, framesOf] of Object.entries(ways)) {
    // What goes on after `close` would keep the process from ending.
    const options = { ignore, sanitizeOps: true, sanitizeResources: true };
    Deno.test(`${name} tables: ${what}`, options, async () => {
      await using store = new CassandraStore(framesOf);
      await run(store);
    });
  }
}

const now = 1_700_000_000_000_000;

test("a keyspace is made as the cluster allows", async (store) => {
  const tables = await store.open();
  try {
    await tables.createTable(tableOf({ id: "text" }, ["id"]));
    const [row] = await store.query(
      `SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '${testKeyspace}'`,
    );
    assert.deepEqual({ ...row!["replication"] as Row }, {
      class: "org.apache.cassandra.locator.SimpleStrategy",
      replication_factor: "1",
    });
  } finally {
    await tables.close();
  }
});

test("a partition key of several columns, and a static column, do not fit", async (store) => {
  const tables = await store.open();
  const table = tableOf({ a: "text", b: "text", c: "text" }, ["a", "b"]);
  try {
    await tables.createTable(tableOf({ id: "text" }, ["id"]));
    await store.query(
      `CREATE TABLE ${table.name} (a text, b text, d text, c text STATIC, PRIMARY KEY ((a, b), d))`,
    );
    const error = await failure(tables.createTable(table));
    assert(error instanceof SchemaMismatch, String(error));
    assert.match(error.message, /column c is static text, text is expected/);
    assert.match(error.message, /the primary key is \(\(a, b\), d\), \(a, b\) is expected/);
  } finally {
    await tables.close();
  }
});

test("a row that is too large, or whose key is too long, is refused by itself", async (store) => {
  const tables = await store.open({ batchBytes: 65_536 });
  const table = tableOf({ id: "bytes", data: "bytes" }, ["id"]);
  try {
    await tables.createTable(table);
    const rows = Array.from(
      { length: 300 },
      (_, id) => ({ id: Uint8Array.of(1, id >> 8, id), data: new Uint8Array(10) }),
    );
    // The largest mutation and the largest request are 16 MiB by default.
    rows[5] = { id: Uint8Array.of(5), data: new Uint8Array(40 * 2 ** 20) };
    rows[7] = { id: new Uint8Array(65_536), data: new Uint8Array(1) };
    rows[9] = { id: Uint8Array.of(9), data: new Uint8Array(10 * 2 ** 20) };
    const encoded = encode({ columns: table.columns, key: [] }, rows.map((row) => [now, row]));
    const error = await failure(tables.write(table, encoded));
    assert(error instanceof RejectedRows, describeError(error));
    assert.deepEqual(error.rows, [5, 7], error.reasons.join("; "));
    const [count] = await store.query(`SELECT count(*) AS n FROM ${table.name}`);
    assert.equal(Number(count!["n"]), 298);
  } finally {
    await tables.close();
  }
});

test("a batch above what the server takes is written row by row", async (store) => {
  const tables = await store.open({ batchBytes: 1_000_000 });
  const table = tableOf({ id: "int", data: "bytes" }, ["id"]);
  try {
    await tables.createTable(table);
    const rows = Array.from({ length: 100 }, (_, id) => ({ id, data: new Uint8Array(1_000) }));
    await tables.write(table, encode(table, rows.map((row) => [now, row])));
    assert.equal((await store.read(table)).length, 100);
  } finally {
    await tables.close();
  }
});

test("a table that has gone is no fault of the rows", async (store) => {
  const tables = await store.open();
  const table = tableOf({ id: "text" }, ["id"]);
  const rows = encode(table, [[now, { id: "a" }]]);
  const fails = async () => {
    const error = await failure(tables.write(table, rows));
    assert(!(error instanceof RejectedRows), "neither before nor after the statement was prepared");
    assert.match(error.message, new RegExp(`^Cannot write to Cassandra table ${table.name}$`));
    assert(error.cause);
  };
  try {
    await tables.createTable(table);
    await store.query(`DROP TABLE ${table.name}`);
    await fails();
    await tables.createTable(table);
    await tables.write(table, rows);
    await store.query(`DROP TABLE ${table.name}`);
    await fails();
  } finally {
    await tables.close();
  }
});

test("a server that goes away fails writes, and is found again when it is back", async (store) => {
  using proxy = new TcpProxy(address!);
  const tables = await store.open({ contactPoints: [`127.0.0.1:${proxy.port}`] });
  const table = tableOf({ id: "int" }, ["id"]);
  const rows = encode(table, Array.from({ length: 3_000 }, (_, id) => [now, { id }]));
  try {
    await tables.createTable(table);
    await tables.write(table, rows);
    const writing = tables.write(table, rows);
    proxy.cut();
    const broken = await failure(writing);
    assert(!(broken instanceof RejectedRows), describeError(broken));
    assert.match(broken.message, /^Cannot write to Cassandra table/);
    assert.match((await failure(tables.write(table, rows))).message, /^Cannot write to Cassandra table/);
    assert.match(describeError(broken), /: no host \S+ /);
    assert(!describeError(broken).includes("\n"), "one line");
    await failure(tables.describe());
    proxy.join();
    const deadline = AbortSignal.timeout(60_000);
    for (let done = false; !done;) {
      deadline.throwIfAborted();
      done = await tables.write(table, rows).then(
        () => true,
        () => new Promise((again) => setTimeout(again, 50, false)),
      );
    }
    assert.match(await tables.describe(), /1 of 1 node up/);
  } finally {
    await tables.close();
  }
});

test("a connection that is silent is given up, and the next write has another", async (store) => {
  using proxy = new TcpProxy(address!);
  const tables = await store.open({ contactPoints: [proxy.address], answerTimeoutMs: 1_000 });
  const table = tableOf({ id: "int" }, ["id"]);
  const rows = encode(table, [[now, { id: 1 }]]);
  try {
    await tables.createTable(table);
    await tables.write(table, rows);
    proxy.halveOpen();
    assert.match(
      describeError(await failure(tables.write(table, rows))),
      /did not reply before timeout 1000 ms/,
    );
    const deadline = AbortSignal.timeout(20_000);
    for (let done = false; !done;) {
      deadline.throwIfAborted();
      done = await tables.write(table, rows).then(() => true, (error) => {
        assert.doesNotMatch(describeError(error), /timeout 1000 ms/, "it was the first connection's again");
        return new Promise((again) => setTimeout(again, 50, false));
      });
    }
  } finally {
    await tables.close();
  }
});

Deno.test("a Cassandra that can't be reached is named, with the setting", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const point of [`127.0.0.1:${port}`, "no-such-host.invalid"]) {
    const error = await failure(openCassandra({ contactPoints: [point] }));
    assert(error instanceof ServiceError, describeError(error));
    assert.equal(error.message, `Cannot reach Cassandra at ${point}; check CASSANDRA_CONTACT_POINTS`);
    assert(error.cause);
  }
});

Deno.test("a server that says nothing is given up", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const point = `127.0.0.1:${silent.addr.port}`;
  const error = await failure(openCassandra({ contactPoints: [point], openTimeoutMs: 300 }));
  assert(error instanceof ServiceError, describeError(error));
  assert.equal(error.message, `Cannot reach Cassandra at ${point}; check CASSANDRA_CONTACT_POINTS`);
});

test("a wrong data center is answered with those that there are", async () => {
  const error = await failure(openCassandra({ contactPoints, localDataCenter: "dc9" }));
  assert(error instanceof ServiceError, describeError(error));
  assert.equal(
    error.message,
    `Cassandra at ${address} has no data center "dc9", but the data center datacenter1; set CASSANDRA_LOCAL_DC to it`,
  );
});

test("the right data center may be given", async () => {
  const tables = await openCassandra({ contactPoints, localDataCenter: "datacenter1" });
  assert.match(await tables.describe(), /data center datacenter1, 1 of 1 node up/);
  await tables.close();
  await failure(tables.describe());
});

/** A server that wants a password and refuses every one. */
class RefusingServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly address = `127.0.0.1:${this.#listener.addr.port}`;
  readonly #connections: Deno.Conn[] = [];

  constructor() {
    this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connections.push(connection);
        this.#answer(connection);
      }
    } catch {
      // Closed.
    }
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    const text = (value: string) => [0, value.length, ...new TextEncoder().encode(value)];
    const authenticate = text("org.apache.cassandra.auth.PasswordAuthenticator");
    const badCredentials = [0, 0, 1, 0, ...text("Provided username weir and/or password are incorrect")];
    const bytes = new Uint8Array(4096);
    try {
      while (await connection.read(bytes)) {
        const startup = bytes[4] === 1;
        const body = startup ? authenticate : badCredentials;
        const header = [0x84, 0, bytes[2]!, bytes[3]!, startup ? 3 : 0, 0, 0, 0, body.length];
        await connection.write(Uint8Array.from([...header, ...body]));
      }
    } catch {
      // The client went away.
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // Closed by the client.
      }
    }
  }
}

Deno.test("a wrong or missing password names the settings, and is never shown", async () => {
  using server = new RefusingServer();
  const contactPoints = [server.address];
  const wrong = await failure(openCassandra({ contactPoints, username: "weir", password: "s3cret" }));
  assert(wrong instanceof ServiceError, describeError(wrong));
  assert.equal(
    wrong.message,
    `Cassandra at ${server.address} refuses the user "weir"; check CASSANDRA_USERNAME and CASSANDRA_PASSWORD`,
  );
  assert.doesNotMatch(Deno.inspect(wrong, { depth: 20 }), /s3cret/);
  const missing = await failure(openCassandra({ contactPoints }));
  assert.equal(
    missing.message,
    `Cassandra at ${server.address} wants a user; set CASSANDRA_USERNAME and CASSANDRA_PASSWORD`,
  );
});
