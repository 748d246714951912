/** What every adapter of the tables port must do. */
import assert from "node:assert/strict";
import { type Columns, columnSpecs } from "../../src/columns.ts";
import { RejectedRows, SchemaMismatch } from "../../src/errors.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
import { cassandraTable } from "../../src/sink.ts";
import { CellEncoder } from "../../src/sinks/cell_encoder.ts";
import type { CellRows } from "../../src/sinks/cells.ts";
import type { Tables } from "../../src/sinks/mod.ts";
import { uniqueName } from "../support/env.ts";
import { Seeded } from "../support/seeded.ts";

export type Row = Record<string, unknown>;
export type Table = CassandraTable<never>;

/** A store under test. */
export interface TablesStore extends AsyncDisposable {
  /** Each call opens the same data anew; the suite closes what it opens. */
  open(): Promise<Tables>;

  /** All rows, with values as they were given: text for `json`, null for a cell that is not set. */
  read(table: Table): Promise<Row[]>;
}

export interface TablesAdapter {
  readonly name: string;
  readonly ignore?: boolean;
  start(): Promise<TablesStore>;
}

/** Where the suite's tables are. A store that outlives the test drops it in the end. */
export const testKeyspace = uniqueName("weir_test");

/** Rows with their write times in microseconds. */
export type Written = readonly (readonly [time: number, row: Row])[];

export function tableOf(
  columns: Columns,
  key: readonly string[],
  name = uniqueName(`${testKeyspace}.t`),
): Table {
  return cassandraTable(name, { columns, key }) as unknown as Table;
}

export function encode({ columns, key }: Pick<Table, "columns" | "key">, rows: Written): CellRows {
  const encoder = new CellEncoder(columns, key);
  for (const [time, row] of rows) encoder.add(row, time);
  return encoder.finish();
}

const now = 1_700_000_000_000_000;

export function tablesSuite({ name, ignore = false, start }: TablesAdapter): void {
  const test = (what: string, run: (tables: Tables, store: TablesStore) => Promise<void>) =>
    Deno.test(`${name} tables: ${what}`, { ignore }, async () => {
      await using store = await start();
      const tables = await store.open();
      try {
        await run(tables, store);
      } finally {
        await tables.close();
      }
    });

  test("a table is made once, and found again with its rows", async (tables, store) => {
    const table = tableOf({ id: "text", count: "int" }, ["id"]);
    await tables.createTable(table);
    await tables.write(table, encode(table, [[now, { id: "a", count: 1 }]]));
    await tables.createTable(table);
    const again = await store.open();
    try {
      await again.createTable(table);
      await again.write(table, encode(table, [[now, { id: "b", count: 2 }]]));
    } finally {
      await again.close();
    }
    assert.deepEqual(byId(await store.read(table)), [{ id: "a", count: 1 }, { id: "b", count: 2 }]);
  });

  test("a table that does not fit is refused with all that is wrong", async (tables) => {
    const there = tableOf({ id: "text", tag: "text", count: "int", at: "text" }, ["id", "tag"]);
    await tables.createTable(there);
    const mismatch = async (columns: Columns, key: readonly string[]) => {
      const error = await failure(tables.createTable(tableOf(columns, key, there.name)));
      assert(error instanceof SchemaMismatch, String(error));
      assert(error.message.includes(there.name), error.message);
      return error.message;
    };
    const fitting = { id: "text", tag: "text" } as const;
    assert.match(await mismatch({ ...fitting, name: "text" }, ["id", "tag"]), /column name is missing/);
    const message = await mismatch({ ...fitting, count: "bigint", at: "timestamp" }, ["id", "tag"]);
    assert.match(message, /column count is int, bigint is expected/i);
    assert.match(message, /column at is text, timestamp/i);
    const key = await mismatch(fitting, ["id"]);
    assert.match(key, /the primary key is \(id, tag\), \(id\) is expected/);
    assert.match(await mismatch(fitting, ["tag", "id"]), /\(tag, id\) is expected/);
    assert.match(await mismatch({ ...fitting, count: "int" }, ["id", "tag", "count"]), /\(id, tag, count\)/);
  });

  test("a table with more columns is taken as it is", async (tables, store) => {
    const wide = tableOf({ id: "text", a: "text", b: "text?" }, ["id"]);
    const narrow = tableOf({ a: "text?", id: "text" }, ["id"], wide.name);
    await tables.createTable(wide);
    await tables.write(wide, encode(wide, [[now, { id: "1", a: "a", b: "b" }]]));
    await tables.createTable(narrow);
    await tables.write(narrow, encode(narrow, [[now + 1, { id: "1", a: "later" }], [now + 2, { id: "1" }]]));
    assert.deepEqual(await store.read(wide), [{ id: "1", a: "later", b: "b" }]);
  });

  test("the latest write wins, whatever the order of arrival", async (tables, store) => {
    const table = tableOf({ id: "int", value: "text" }, ["id"]);
    await tables.createTable(table);
    const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // A microsecond lies between them; one is before 1970 and one where 32 bits of milliseconds end.
    const times = [-5, 4_294_967_296_000, 4_294_967_296_001];
    const write = (id: number, order: readonly number[]): Written =>
      order.map((at) => [times[at]!, { id, value: `write ${at}` }]);
    await tables.write(table, encode(table, orders.flatMap((order, id) => write(id, order))));
    for (const [id, order] of orders.entries()) {
      for (const row of write(id + 6, order)) await tables.write(table, encode(table, [row]));
    }
    const rows = await store.read(table);
    assert.equal(rows.length, 12);
    for (const { id, value } of rows) assert.equal(value, "write 2", `order ${orders[Number(id) % 6]}`);
  });

  test("at the same time the larger value wins, whatever the order", async (tables, store) => {
    const table = tableOf({ id: "int", value: "text" }, ["id"]);
    await tables.createTable(table);
    for (const [id, value] of [[1, "a"], [1, "b"], [2, "b"], [2, "a"]] as const) {
      await tables.write(table, encode(table, [[now, { id, value }]]));
    }
    assert.deepEqual(byId(await store.read(table)), [{ id: 1, value: "b" }, { id: 2, value: "b" }]);
  });

  test("an unset cell keeps what was there, and each cell its own latest write", async (tables, store) => {
    const table = tableOf({ id: "int", a: "text?", b: "text?", c: "text" }, ["id"]);
    await tables.createTable(table);
    const writes: Written = [
      [now + 1, { id: 0, a: "a1", c: "c1" }],
      [now + 3, { id: 0, b: "b3", c: "c3" }],
      [now + 2, { id: 0, a: "a2", b: "b2", c: "c2" }],
    ];
    const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (const [id, order] of orders.entries()) {
      for (const at of order) {
        const [time, row] = writes[at]!;
        await tables.write(table, encode(table, [[time, { ...row, id }]]));
      }
    }
    await tables.write(table, encode(table, [[now, { id: 6, c: "c" }]]));
    assert.deepEqual(byId(await store.read(table)), [
      ...orders.map((_, id) => ({ id, a: "a2", b: "b3", c: "c3" })),
      { id: 6, a: null, b: null, c: "c" },
    ]);
  });

  test("a repeated write changes nothing", async (tables, store) => {
    const table = tableOf({ id: "int", value: "text?", more: "int?" }, ["id"]);
    await tables.createTable(table);
    const first = encode(table, [[now, { id: 1, value: "old", more: 1 }], [now + 1, { id: 2, value: "x" }]]);
    const second = encode(table, [[now + 2, { id: 1, value: "new" }]]);
    for (const rows of [first, second]) await tables.write(table, rows);
    const once = byId(await store.read(table));
    for (const rows of [first, second, first]) await tables.write(table, rows);
    assert.deepEqual(byId(await store.read(table)), once);
    assert.deepEqual(once, [{ id: 1, value: "new", more: 1 }, { id: 2, value: "x", more: null }]);
  });

  test("values of every type come back as they were given", async (tables, store) => {
    const table = tableOf(everyType, ["id"]);
    await tables.createTable(table);
    const rows = everyTypeRows();
    await tables.write(table, encode(table, rows.map((row) => [now, row])));
    const expected = rows.map((row) => ({ ...row, data: JSON.stringify(row["data"]) }));
    assert.deepEqual(byId(await store.read(table)), byId(expected));
  });

  test("every type but json can be a key", async (tables, store) => {
    const { id, data: _, ...rest } = everyType;
    const columns = { id, ...rest };
    const table = tableOf(columns, ["raw", "id", ...Object.keys(rest).filter((column) => column !== "raw")]);
    await tables.createTable(table);
    // An empty partition key is no key.
    const rows = everyTypeRows().map(({ data: _, ...row }) => ({ ...row, raw: Uint8Array.of(1, 0) }));
    for (let time = now; time < now + 2; time++) {
      await tables.write(table, encode(table, rows.map((row) => [time, row])));
    }
    assert.deepEqual(byId(await store.read(table)), byId(rows));
  });

  test("rows of a compound key stand beside each other", async (tables, store) => {
    const table = tableOf({ value: "int", day: "date", id: "text", n: "int" }, ["id", "day", "n"]);
    await tables.createTable(table);
    const rows = ["a", "b"].flatMap((id) =>
      ["2024-01-01", "2024-01-02"].flatMap((day) => [1, 2].map((n) => ({ value: 0, day, id, n })))
    );
    await tables.write(table, encode(table, rows.map((row) => [now, row])));
    await tables.write(table, encode(table, rows.map((row, value) => [now + 1, { ...row, value }])));
    const read = await store.read(table);
    read.sort((a, b) => Number(a["value"]) - Number(b["value"]));
    assert.deepEqual(read, rows.map((row, value) => ({ ...row, value })));
  });

  test("five thousand rows in one write are all there, and none changed", async (tables, store) => {
    const table = tableOf({ id: "int", text: "text?", more: "bytes?" }, ["id"]);
    await tables.createTable(table);
    const random = new Seeded(5_000);
    const rows = Array.from({ length: 5_000 }, (_, id) => ({
      id,
      text: random.chance(0.9) ? random.text(100) : null,
      more: random.chance(0.9) ? random.bytes(random.pick([0, 1, 50, id % 500 === 0 ? 20_000 : 5])) : null,
    }));
    await tables.write(table, encode(table, rows.map((row) => [now, row])));
    const read = byId(await store.read(table));
    assert.equal(read.length, rows.length);
    for (const [id, row] of rows.entries()) assert.deepEqual(read[id], row);
  });

  test("a write of no rows is done at once", async (tables, store) => {
    const table = tableOf({ id: "text" }, ["id"]);
    await tables.createTable(table);
    await tables.write(table, encode(table, []));
    assert.deepEqual(await store.read(table), []);
  });

  test("a table of nothing but its key", async (tables, store) => {
    const table = tableOf({ id: "text" }, ["id"]);
    await tables.createTable(table);
    for (const time of [now, now + 1]) await tables.write(table, encode(table, [[time, { id: "a" }]]));
    assert.deepEqual(await store.read(table), [{ id: "a" }]);
  });

  test("rows that can't be stored are all named, and the others written", async (tables, store) => {
    const table = tableOf({ id: "text", name: "text", count: "int", device: "uuid" }, ["id"]);
    await tables.createTable(table);
    // The encoder would refuse these, so their cells go in as plain bytes.
    const raw = columnSpecs({ id: "bytes", name: "bytes", count: "bytes", device: "bytes" });
    const good = (id: number): Row => ({
      id: utf8(String(id)),
      name: utf8("name"),
      count: new Uint8Array(4),
      device: new Uint8Array(16),
    });
    const rows = Array.from({ length: 60 }, (_, id) => good(id));
    const bad: Record<number, Row> = {
      0: { count: new Uint8Array(3) },
      7: { name: Uint8Array.of(0x61, 0xff) },
      8: { device: new Uint8Array(15) },
      31: { id: new Uint8Array(0) },
      59: { name: Uint8Array.of(0xc3) },
    };
    for (const [at, cells] of Object.entries(bad)) Object.assign(rows[Number(at)]!, cells);
    const encoded = encode({ columns: raw, key: [] }, rows.map((row) => [now, row]));
    const error = await failure(tables.write(table, encoded));
    assert(error instanceof RejectedRows, Deno.inspect(error));
    assert.deepEqual(error.rows, Object.keys(bad).map(Number));
    assert.equal(error.reasons.length, error.rows.length);
    for (const reason of error.reasons) assert.match(reason, /\w/);
    const ids = (await store.read(table)).map(({ id }) => Number(id)).sort((a, b) => a - b);
    assert.deepEqual(ids, rows.map((_, id) => id).filter((id) => !(id in bad)));
  });

  test("what the service is fits on one line", async (tables) => {
    assert.match(await tables.describe(), /^\S[^\n]+$/);
  });
}

const everyType = {
  id: "int",
  name: "text",
  device: "uuid",
  large: "bigint",
  ratio: "double",
  yes: "boolean",
  at: "timestamp",
  day: "date",
  data: "json",
  raw: "bytes",
} as const;

/** The ends of each type's range, and random values in between. */
function everyTypeRows(): Row[] {
  const random = new Seeded(11);
  const rows: Row[] = Array.from({ length: 10 }, (_, id) => ({
    id,
    name: random.text(50),
    device: random.uuid(),
    large: BigInt(random.integer(-1e15, 1e15)),
    ratio: random.fraction() * 1e9,
    yes: random.chance(0.5),
    at: new Date(random.integer(0, 4e12)),
    day: new Date(random.integer(0, 4e12)).toISOString().slice(0, 10),
    data: random.pick<unknown>([{ a: [null, random.text(9)] }, "123", 1.0, [], true]),
    raw: random.bytes(random.integer(0, 30)),
  }));
  const low = {
    id: -(2 ** 31),
    name: "",
    large: -(2n ** 63n),
    ratio: -Infinity,
    at: new Date(-62_135_596_800_000),
    day: "0001-01-01",
    data: null,
  };
  const high = {
    id: 2 ** 31 - 1,
    name: "\ufeff\0",
    large: 2n ** 63n - 1n,
    ratio: NaN,
    at: new Date(253_402_300_799_999),
    day: "9999-12-31",
    data: "1e5",
  };
  return [...rows, { ...rows[0], ...low }, { ...rows[1], ...high }];
}

function byId(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => Number(a["id"]) - Number(b["id"]));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  assert.fail("it did not fail");
}
