import assert from "node:assert/strict";
import type { ColumnType } from "../../src/columns.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";
import { Seeded } from "../support/seeded.ts";
import {
  chunk,
  type Merge,
  newSource,
  newTable,
  type Row,
  rowsOf,
  type WarehouseStore,
} from "./warehouse_fixture.ts";

/** Writes values of every type, well-known edges and others at random, and compares what the database reads them as. */
export async function roundTrip(store: WarehouseStore, warehouse: Warehouse): Promise<void> {
  const columns: Record<string, [`${ColumnType}?`, Merge]> = {
    text: ["text?", "replace"],
    uuid: ["uuid?", "replace"],
    int: ["int?", "replace"],
    bigint: ["bigint?", "replace"],
    double: ["double?", "replace"],
    boolean: ["boolean?", "replace"],
    timestamp: ["timestamp?", "replace"],
    date: ["date?", "replace"],
    json: ["json?", "replace"],
    bytes: ["bytes?", "replace"],
  };
  const table = await newTable(warehouse, { columns: { id: ["int", "keep"], ...columns } });
  const random = new Seeded(7);
  const rows: Row[] = Array.from({ length: 404 }, (_, id) => ({ id, ...randomValues(random) }));
  rows.push(...edges().map((values, index) => ({ id: 1_000 + index, ...values })));
  rows.unshift(...edges().map((values, index) => ({ id: index - 1_000, ...values })));
  // Adapters may write few rows in another way than many: the first half goes in small commits.
  const half = rows.length / 2;
  const sizes = [...Array.from({ length: half / 11 }, () => 11), half];
  let from = 0;
  for (const size of sizes) {
    const chunks = [chunk(table, rows.slice(from, from += size))];
    await warehouse.commit({ source: newSource(), moves: [], tables: [{ table, chunks }] });
  }
  const read = await rowsOf(store, table);
  assert.equal(read.length, rows.length);
  for (const [index, row] of rows.entries()) {
    const { id, json, double, timestamp, ...others } = read[index]!;
    assert.equal(Number(id), row.id);
    assert.deepEqual(
      json === null ? null : JSON.parse(json!),
      wellFormed(row.json ?? null),
      `json ${row.id}`,
    );
    assert.ok(
      Object.is(double === null ? null : Number(double), row.double ?? null),
      `double ${row.id}: ${double}`,
    );
    assert.equal(
      timestamp,
      row.timestamp === undefined ? null : postgresTime(new Date(Number(row.timestamp))),
    );
    assert.deepEqual(others, {
      text: typeof row.text === "string" ? row.text.toWellFormed() : null,
      uuid: textOf(row.uuid),
      int: textOf(row.int),
      bigint: textOf(row.bigint),
      boolean: textOf(row.boolean),
      date: textOf(row.date),
      bytes: row.bytes instanceof Uint8Array ? `\\x${row.bytes.toHex()}` : null,
    });
  }
}

function edges(): Row[] {
  return [
    { text: "", json: "", bytes: new Uint8Array() },
    { text: "\\N", json: null },
    { text: "\\.", json: "\\." },
    { text: "tab\tline\nreturn\rback\\slash\b\f\v\x7f", json: { "a\tb": ["\n\\u0041 \\n", "\u001f\x7f"] } },
    { text: "lone \ud800 surrogate \udc00", json: ["lone \ud800", "\\ud800", "pair 😀"] },
    { int: -(2 ** 31), bigint: -(2n ** 63n), double: -0 },
    { int: 2 ** 31 - 1, bigint: 2n ** 63n - 1n, double: Number.MAX_VALUE },
    { double: NaN, bigint: Number.MAX_SAFE_INTEGER },
    { double: Infinity },
    { double: -Infinity },
    { double: 5e-324 },
    { timestamp: new Date("0001-01-01T00:00:00.001Z"), date: "0001-01-01" },
    { timestamp: Date.UTC(-4712, 0, 1) },
    { timestamp: new Date("0000-02-29T12:00:00Z") },
    { timestamp: 8.64e15, date: "9999-12-31" },
    { timestamp: new Date("+010000-01-01T00:00:00Z"), date: "2024-02-29" },
    { json: 1e300, boolean: false },
    { json: { nested: [{ a: [null, true, -0.5] }] } },
  ];
}

function randomValues(random: Seeded): Row {
  // Postgres has no NUL; that it is refused is for the encoder's own tests.
  const text = () => random.text(20).replaceAll("\0", random.pick(["\t", "\r", "\ud83d", "\\N", "\u2028"]));
  const values: Record<string, unknown> = {
    text: text(),
    uuid: random.uuid(),
    int: random.integer(-(2 ** 31), 2 ** 31 - 1),
    bigint: BigInt(random.integer(0, 2 ** 53 - 1)) * 1_000n - 4_000_000_000_000_000_000n,
    double: (random.fraction() - 0.5) * 10 ** random.integer(-300, 300),
    boolean: random.chance(0.5),
    timestamp: random.integer(-3e13, 3e13),
    date: new Date(random.integer(0, 4e12)).toISOString().slice(0, 10),
    json: { [text().toWellFormed()]: [text(), random.integer(0, 1_000), null] },
    bytes: random.bytes(random.integer(0, 30)),
  };
  return Object.fromEntries(Object.entries(values).filter(() => random.chance(0.9)));
}

/** JSON as UTF-8 can hold it: lone surrogates replaced. */
function wellFormed(value: unknown): unknown {
  return value === null
    ? null
    : JSON.parse(JSON.stringify(value), (_key, each: unknown) =>
      typeof each === "string" ? each.toWellFormed() : each);
}

function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}

/** A time as Postgres writes it: no zeros behind the last digit of the fraction, years from 1, and BC. */
function postgresTime(time: Date): string {
  const year = time.getUTCFullYear();
  const digits = String(year > 0 ? year : 1 - year).padStart(4, "0");
  const rest = time.toISOString().replace(/^[+-]?\d+/, "").replace("T", " ").replace(/\.?0*Z$/, "");
  return `${digits}${rest}+00${year > 0 ? "" : " BC"}`;
}
