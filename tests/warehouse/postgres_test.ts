import assert from "node:assert/strict";
import { Fenced, ServiceError } from "../../src/errors.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";
import { openPostgres } from "../../src/warehouse/postgres.ts";
import { chunk, moved, newSource, newTable, rowsOf } from "../contract/warehouse_fixture.ts";
import { service } from "../support/env.ts";
import { createDatabase, type TestDatabase } from "../support/postgres_database.ts";
import { SeveringProxy } from "../support/severing_proxy.ts";

const server = service("postgres");

function test(name: string, run: (database: TestDatabase) => Promise<void>): void {
  Deno.test({
    name,
    ignore: server === undefined,
    async fn() {
      const database = await createDatabase(server!);
      try {
        await run(database);
      } finally {
        await database.drop();
      }
    },
  });
}

async function opened(url: string, run: (warehouse: Warehouse) => Promise<void>): Promise<void> {
  const warehouse = await openPostgres({ url });
  try {
    await run(warehouse);
  } finally {
    await warehouse.close();
  }
}

/** Tries until it holds; for what the server does in its own time. */
async function until(attempt: () => Promise<boolean>): Promise<void> {
  const patience = AbortSignal.timeout(30_000);
  while (!await attempt()) {
    patience.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ours = "from pg_stat_activity where datname = current_database() and application_name = 'weir'";

test("a commit whose connection dies in the middle is undone, and works again", async (database) => {
  await opened(database.url, async (warehouse) => {
    const table = await newTable(warehouse, {});
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const transaction = {
      source,
      moves: [moved(0, 0, 1)],
      tables: [{ table, chunks: [chunk(table, [{ id: "a", value: "b" }])] }],
    };
    await database.query("begin");
    await database.query(`lock table "${table.table}"`);
    const outcome = assert.rejects(warehouse.commit(transaction), (error) => !(error instanceof Fenced));
    await until(async () => {
      const killed = await database.query(
        `select pg_terminate_backend(pid)::text ${ours} and wait_event_type = 'Lock'`,
      );
      return killed.length > 0;
    });
    await outcome;
    await database.query("rollback");
    const next = async () => (await warehouse.positions(source))[0]!.next;
    assert.equal(await next(), 0);
    await warehouse.commit(transaction);
    assert.equal(await next(), 1);
    assert.deepEqual(await rowsOf({ open: () => Promise.resolve(warehouse), ...database }, table), [
      { id: "a", value: "b" },
    ]);
  });
});

test("a commit whose answer is lost was made, and positions tells", async (database) => {
  const { hostname, port } = new URL(database.url);
  await using proxy = new SeveringProxy({ hostname, port: Number(port || 5432) });
  const url = new URL(database.url);
  url.host = `127.0.0.1:${proxy.port}`;
  await opened(url.href, async (warehouse) => {
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const transaction = { source, moves: [moved(0, 0, 1)], tables: [] };
    proxy.loseAnswers();
    await assert.rejects(warehouse.commit(transaction), (error) => !(error instanceof Fenced));
    proxy.restore();
    await until(async () => (await warehouse.positions(source))[0]!.next === 1);
    await assert.rejects(warehouse.commit(transaction), Fenced);
  });
});

test("a commit that dies between reading states and writing them changes none, and works again", async (database) => {
  await opened(database.url, async (warehouse) => {
    const merge = (states: readonly unknown[]) =>
      JSON.stringify((states as number[]).reduce((a, b) => a + b));
    const fold = { name: 'custom "n"', state: "state", result: "n", fold: { merge, result: String } };
    const table = await newTable(warehouse, {
      columns: { id: ["text", "keep"], state: ["json", "replace"], n: ["int?", "replace"] },
    }, { folds: [fold] });
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const transaction = (from: number) => ({
      source,
      moves: [moved(0, from, from + 1)],
      tables: [{ table, chunks: [chunk(table, [{ id: "a", state: [1, 1], n: null }])] }],
    });
    await warehouse.commit(transaction(0));
    await database.query("begin");
    // It can still be read, and its rows be staged, but not written.
    await database.query(`lock table "${table.table}" in exclusive mode`);
    const outcome = assert.rejects(warehouse.commit(transaction(1)), (error) => !(error instanceof Fenced));
    await until(async () => {
      // Within a transaction the server would show what it saw first.
      await database.query("select pg_stat_clear_snapshot()::text");
      const killed = await database.query(
        `select pg_terminate_backend(pid)::text ${ours} and wait_event_type = 'Lock' and query like '%insert%'`,
      );
      return killed.length > 0;
    });
    await outcome;
    await database.query("rollback");
    assert.equal((await warehouse.positions(source))[0]!.next, 1);
    await warehouse.commit(transaction(1));
    await assert.rejects(warehouse.commit(transaction(1)), Fenced);
    assert.deepEqual(await rowsOf({ open: () => Promise.resolve(warehouse), ...database }, table), [
      { id: "a", state: "4", n: "4" },
    ]);
  });
});

test("connections that are closed while idle are replaced", async (database) => {
  await opened(database.url, async (warehouse) => {
    const source = newSource();
    const table = await newTable(warehouse, {});
    const write = () =>
      warehouse.commit({ source, moves: [], tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }] });
    await Promise.all([write(), write(), write()]);
    await database.query(`select pg_terminate_backend(pid)::text ${ours}`);
    await until(async () => (await database.query(`select pid::text ${ours}`)).length === 0);
    // The first may still get a connection whose end it has not seen yet.
    await until(() => write().then(() => true, () => false));
  });
});

test("a server that does not answer is given up", async (database) => {
  const warehouse = await openPostgres({ url: database.url, answerWithin: 200 });
  const table = await newTable(warehouse, {});
  const commit = () =>
    warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }],
    });
  await database.query("begin");
  await database.query(`lock table "${table.table}"`);
  await assert.rejects(commit(), /did not answer within 200 ms/);
  await database.query("rollback");
  await until(() => commit().then(() => true, () => false));
  await warehouse.close();
});

test("many processes may open a new database at once", async (database) => {
  const warehouses = await Promise.all(Array.from({ length: 5 }, () => openPostgres({ url: database.url })));
  assert.match(await warehouses[0]!.describe(), /^PostgreSQL \d+\.\d+ at [^ ]+\/weir_test_\w+$/);
  for (const warehouse of warehouses) await warehouse.close();
});

test("a database that a newer version set up is refused", async (database) => {
  await opened(database.url, () => Promise.resolve());
  await database.query("insert into weir.migrations (id, name) values (99, 'later')");
  await assert.rejects(
    openPostgres({ url: database.url }),
    (error: Error) =>
      error instanceof ServiceError && /newer version of Weir: .* at migration 99/.test(error.message),
  );
});

test("a read-only database is refused", async (database) => {
  await database.query(
    "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$",
  );
  await assert.rejects(
    openPostgres({ url: database.url }),
    (error: Error) => error instanceof ServiceError && /^DATABASE_URL: .* is read-only/.test(error.message),
  );
});

test("a database that does not exist is refused", async (database) => {
  const url = new URL(database.url);
  url.pathname = "/missing";
  await refused(url.href, /has no such database; create it, or correct/);
});

for (const url of ["", "localhost:5432", "http://localhost/db", "postgres//localhost"]) {
  Deno.test(`"${url}" is no URL of a database`, async () => {
    await refused(url, /^DATABASE_URL is not the URL of a Postgres database; give one like/);
  });
}

Deno.test("a port where nothing listens is refused", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await refused(
    `postgres://me:s3cret@127.0.0.1:${port}/db`,
    /refuses connections; start it, or correct the host and port/,
  );
});

Deno.test("a host without an address is refused", async () => {
  await refused("postgres://me:s3cret@nowhere.invalid/db", /nowhere\.invalid:5432\/db cannot be found/);
});

for (
  const [state, message] of [
    ["28P01", /refused the user or the password; correct them in DATABASE_URL/],
    ["28000", /does not let this user in/],
    ["53300", /no connection left/],
    ["XX000", /cannot be used: scripted/],
  ] as const
) {
  Deno.test(`a server that answers with ${state} is refused`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answered = answerWith(listener, state);
    await refused(`postgres://me:s3cret@127.0.0.1:${listener.addr.port}/db`, message);
    listener.close();
    await answered;
  });
}

Deno.test("a server that says nothing is refused in time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const url = `postgres://me:s3cret@127.0.0.1:${listener.addr.port}/db`;
  await assert.rejects(
    openPostgres({ url, connectWithin: 100 }),
    /does not answer; correct the host and port/,
  );
  (await accepted).close();
  listener.close();
});

async function refused(url: string, message: RegExp): Promise<void> {
  await assert.rejects(openPostgres({ url }), (error: Error) => {
    assert.ok(error instanceof ServiceError, String(error));
    assert.match(error.message, /^DATABASE_URL/);
    assert.match(error.message, message);
    assert.ok(!error.message.includes("s3cret"), error.message);
    return true;
  });
}

/** Answers the first connection's first message as a server that refuses it. */
async function answerWith(listener: Deno.Listener, state: string): Promise<void> {
  const connection = await listener.accept();
  await connection.read(new Uint8Array(1024));
  const fields = new TextEncoder().encode(`SFATAL\0VFATAL\0C${state}\0Mscripted\0\0`);
  const message = new Uint8Array(5 + fields.length);
  message[0] = "E".charCodeAt(0);
  new DataView(message.buffer).setUint32(1, 4 + fields.length);
  message.set(fields, 5);
  await connection.write(message);
  connection.close();
}
