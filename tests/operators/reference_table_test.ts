import assert from "node:assert/strict";
import { type Column, ConfigError, csvFile, type Duration, jsonFile, referenceTable, sqlQuery } from "weir";
import { columnSpecs } from "../../src/columns.ts";
import { mostReferenceRows, type ReferenceRow, referenceRows } from "../../src/operators/reference_rows.ts";

/** What a value becomes in a column of a type. */
function converted(type: Column, value: unknown): unknown {
  const table = { columns: columnSpecs({ id: "text", value: type }), key: "id" };
  return referenceRows(table, [{ id: "a", value }]).get("a")!.value;
}

Deno.test("values become what their columns' types have, from CSV as from JSON", () => {
  const good: [Column, unknown, unknown][] = [
    ["text", "a", "a"],
    ["text", "", ""],
    ["text?", "", null],
    ["int", 5, 5],
    ["int", "-5", -5],
    ["int?", "", null],
    ["int?", undefined, null],
    ["bigint", "9007199254740991", 9007199254740991],
    ["bigint", 12n, 12n],
    ["double", "1.5e3", 1500],
    ["double", 0.1, 0.1],
    ["boolean", "true", true],
    ["boolean", false, false],
    ["timestamp", "2026-01-31T12:00:00Z", new Date("2026-01-31T12:00:00Z")],
    ["timestamp", 0, new Date(0)],
    ["date", "2026-01-31", "2026-01-31"],
    ["json", { a: [1] }, { a: [1] }],
    ["json?", null, null],
  ];
  for (const [type, value, expected] of good) {
    assert.deepEqual(converted(type, value), expected, `${type} ${JSON.stringify(`${value}`)}`);
  }
});

Deno.test("what does not fit is named: row, column, and what was expected", () => {
  const bad: [Column, unknown, string][] = [
    ["text", 5, "is 5, it should be text"],
    ["text", undefined, "is missing, it should be text"],
    ["text", null, "is null, it should be text"],
    ["int", "", 'is "", it should be a whole number of 32 bits'],
    ["int", 1.5, "is 1.5, it should be a whole number of 32 bits"],
    ["int", "0x10", 'is "0x10", it should be a whole number of 32 bits'],
    ["int", 2 ** 31, "is 2147483648, it should be a whole number of 32 bits"],
    ["bigint", "9007199254740993", 'is "9007199254740993", it should be a whole number'],
    ["double", "1.2.3", 'is "1.2.3", it should be a finite number'],
    ["double", NaN, "is null, it should be a finite number"],
    ["boolean", "yes", 'is "yes", it should be true or false'],
    ["timestamp", "soon", 'is "soon", it should be a time, as in 2026-01-31T12:00:00Z'],
  ];
  for (const [type, value, problem] of bad) {
    assert.throws(
      () => converted(type, value),
      { message: `row 1: the column "value" ${problem}` },
      `${type} ${value}`,
    );
  }
});

Deno.test("rows that are no rows, keys that come twice and too many rows are refused", () => {
  const table = { columns: columnSpecs({ id: "text" }), key: "id" };
  assert.throws(
    () => referenceRows(table, [null as unknown as ReferenceRow]),
    /row 1: the column "id" is missing/,
  );
  assert.throws(
    () => referenceRows(table, [{ id: "a" }, { id: "a" }]),
    /row 2: the key "a" is there already/,
  );
  const many = Array.from({ length: mostReferenceRows + 1 }, (_, i) => ({ id: `${i}` }));
  assert.throws(() => referenceRows(table, many), /more than 200000 rows/);
  assert.equal(referenceRows(table, many.slice(1)).size, mostReferenceRows);
  assert.deepEqual(referenceRows(table, []).size, 0);
  assert.deepEqual(
    referenceRows(table, [{ id: "a", more: 1 }]).get("a"),
    { id: "a" },
    "other columns are left out",
  );
});

Deno.test("a table is plain data, and one that cannot be is refused", () => {
  const columns = { id: "text" } as const;
  const table = referenceTable("t", { columns, key: "id", from: csvFile("t.csv"), refresh: "1m" });
  assert.deepEqual(table, {
    name: "t",
    columns: [{ name: "id", type: "text", optional: false }],
    key: "id",
    from: { kind: "csv", file: "t.csv" },
    refresh: 60_000,
  });
  assert.deepEqual(referenceTable("t", { columns, key: "id", from: jsonFile("t.json") }).refresh, Infinity);
  assert.deepEqual(sqlQuery("select 1", { url: "SITES_URL" }), {
    kind: "sql",
    query: "select 1",
    urlVariable: "SITES_URL",
  });
  const refused = (options: object, message: string) =>
    assert.throws(() => referenceTable("t", { columns, key: "id", from: [], ...options }), {
      name: ConfigError.name,
      message,
    });
  refused({ key: "nope" }, 'referenceTable("t") key column "nope" is not among its columns');
  refused({ from: [{ id: 5 }] }, 'referenceTable("t"): row 1: the column "id" is 5, it should be text');
  assert.throws(
    () => referenceTable("t", { columns, key: "id", from: [], refresh: "0s" as Duration }),
    /not a duration/,
  );
  assert.throws(
    () => referenceTable("t", { columns, key: "id", from: undefined as unknown as [] }),
    { message: 'referenceTable("t"): "from" is undefined; give rows, or what csvFile(...) gives' },
  );
});
