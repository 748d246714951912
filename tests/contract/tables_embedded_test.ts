import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { ColumnType } from "../../src/columns.ts";
import { SchemaMismatch } from "../../src/errors.ts";
import { openEmbeddedTables } from "../../src/sinks/embedded_table.ts";
import {
  encode,
  failure,
  type Row,
  type Table,
  tableOf,
  type TablesStore,
  tablesSuite,
} from "./tables_suite.ts";

class EmbeddedStore implements TablesStore {
  readonly #folder = Deno.makeTempDirSync({ prefix: "weir-test-" });
  readonly file = `${this.#folder}/tables.db`;

  open() {
    return Promise.resolve(openEmbeddedTables({ file: this.file }));
  }

  read({ name, columns }: Table): Promise<Row[]> {
    // node:sqlite cuts text that it reads at a NUL, but not a blob.
    const cells = columns.map(({ name, type }) =>
      type === "text" || type === "json" ? `CAST("${name}" AS BLOB) AS "${name}"` : `"${name}"`
    );
    const rows = this.query(`SELECT ${cells.join(", ")} FROM "${name}"`);
    return Promise.resolve(
      rows.map((row) =>
        Object.fromEntries(columns.map(({ name, type }) => [name, fromSql(type, row[name])]))
      ),
    );
  }

  query(sql: string): Row[] {
    using database = new DatabaseSync(this.file, { readOnly: true });
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function fromSql(type: ColumnType, value: unknown): unknown {
  if (value === null) return null;
  if (type === "text" || type === "json") return utf8.decode(value as Uint8Array);
  if (type === "int") return Number(value);
  if (type === "double") return value === "NaN" ? NaN : Number(value);
  if (type === "boolean") return value === 1n;
  if (type === "timestamp") return new Date(String(value));
  return value;
}

tablesSuite({ name: "embedded", start: () => Promise.resolve(new EmbeddedStore()) });

Deno.test("embedded tables: any SQLite client reads them", async () => {
  await using store = new EmbeddedStore();
  const tables = await store.open();
  const columns = { id: "uuid", at: "timestamp", day: "date", data: "json", yes: "boolean?" } as const;
  const table = tableOf(columns, ["id"], "weir_test.readable");
  await tables.createTable(table);
  const id = "00112233-4455-6677-8899-aabbccddeeff";
  const row = { id, at: Date.UTC(2024, 1, 29, 12), day: "2024-02-29", data: { a: 1 }, yes: true };
  await tables.write(table, encode(table, [[1_700_000_000_000_000, row]]));
  await tables.close();
  assert.deepEqual(store.query(`SELECT * FROM "weir_test.readable"`).map((row) => ({ ...row })), [{
    id,
    at: "2024-02-29T12:00:00.000Z",
    day: "2024-02-29",
    data: '{"a":1}',
    yes: 1n,
    _write_time: 1_700_000_000_000_000n,
    "_write_time.yes": 1_700_000_000_000_000n,
  }]);
  const [found] = store.query(`SELECT data ->> 'a' AS a, unixepoch(at) AS at FROM "weir_test.readable"`);
  assert.deepEqual({ ...found }, { a: 1n, at: 1_709_208_000n });
});

Deno.test("embedded tables: a column may become optional later", async () => {
  await using store = new EmbeddedStore();
  const tables = await store.open();
  const before = tableOf({ id: "int", value: "text" }, ["id"]);
  const after = tableOf({ id: "int", value: "text?" }, ["id"], before.name);
  await tables.createTable(before);
  await tables.write(before, encode(before, [[5, { id: 1, value: "kept" }], [5, { id: 2, value: "old" }]]));
  await tables.createTable(after);
  await tables.write(after, encode(after, [[4, { id: 1, value: "late" }], [6, { id: 2, value: "new" }]]));
  assert.deepEqual(await store.read(after), [{ id: 1, value: "kept" }, { id: 2, value: "new" }]);
  await tables.close();
});

Deno.test("embedded tables: a write that fails leaves nothing behind and can be repeated", async () => {
  await using store = new EmbeddedStore();
  const tables = await store.open();
  const table = tableOf({ id: "int", value: "int" }, ["id"]);
  await tables.createTable(table);
  using other = new DatabaseSync(store.file);
  other.exec(`CREATE TRIGGER full BEFORE INSERT ON "${table.name}" WHEN new.id = 2
    BEGIN SELECT raise(ABORT, 'disk is full'); END`);
  const rows = encode(table, [[1, { id: 1, value: 1 }], [1, { id: 2, value: 2 }]]);
  const error = await failure(tables.write(table, rows));
  assert.match(error.message, new RegExp(`^Cannot write to embedded table ${table.name} in .*tables.db$`));
  assert.match(String(error.cause), /disk is full/);
  assert.deepEqual(await store.read(table), []);
  other.exec("DROP TRIGGER full");
  await tables.write(table, rows);
  assert.equal((await store.read(table)).length, 2);
  await tables.close();
});

Deno.test("embedded tables: the name of the write time is taken", async () => {
  await using store = new EmbeddedStore();
  const tables = await store.open();
  const error = await failure(tables.createTable(tableOf({ id: "int", _write_time: "int" }, ["id"])));
  assert(error instanceof SchemaMismatch);
  assert.match(error.message, /cannot have a column _write_time/);
  await tables.close();
});
