import assert from "node:assert/strict";
import { columnProblems, type Columns, columnSpecs } from "../src/columns.ts";

Deno.test("columns are taken apart in order", () => {
  assert.deepEqual(columnSpecs({ id: "uuid", at: "timestamp?", extra: "json" }), [
    { name: "id", type: "uuid", optional: false },
    { name: "at", type: "timestamp", optional: true },
    { name: "extra", type: "json", optional: false },
  ]);
});

Deno.test("every type may be a column, and every one but json a key", () => {
  const types = ["text", "uuid", "int", "bigint", "double", "boolean", "timestamp", "date", "bytes"] as const;
  for (const type of types) {
    assert.deepEqual(columnProblems({ id: type, more: `${type}?` }, ["id"]), []);
  }
  assert.deepEqual(columnProblems({ id: "json" }, ["id"]), ['key column "id" cannot be json']);
});

Deno.test("all that is wrong with columns and key is found at once", () => {
  const columns = { Id: "text", "a b": "int", age: "number", name: "text?" } as unknown as Columns;
  assert.deepEqual(columnProblems(columns, ["name", "gone"]), [
    'column "Id" must be lower case letters, digits and _, at most 48 of them',
    'column "a b" must be lower case letters, digits and _, at most 48 of them',
    'column "age" has the unknown type "number"; use one of ' +
    "text, uuid, int, bigint, double, boolean, timestamp, date, json, bytes",
    'key column "name" cannot be optional',
    'key column "gone" is not among its columns',
  ]);
  assert.deepEqual(columnProblems({}, []), [
    "has no columns",
    "has no key; name the columns that identify a row",
  ]);
});

Deno.test("what a compiler would refuse is told as well", () => {
  const problemsOf = (columns: unknown, key: unknown) =>
    columnProblems(columns as Columns, key as readonly string[]);
  assert.deepEqual(problemsOf(undefined, undefined), [
    'has the columns undefined; give names and types, as in { id: "text" }',
    'has the key undefined; give a list of columns, as in ["id"]',
  ]);
  assert.deepEqual(problemsOf({ id: "text", at: 5 }, "id"), [
    'column "at" has the type 5; give one as text, as in "int"',
    'has the key "id"; give a list of columns, as in ["id"]',
  ]);
  assert.deepEqual(problemsOf(["id"], ["id"]), [
    'has the columns ["id"]; give names and types, as in { id: "text" }',
  ]);
  assert.deepEqual(problemsOf({ id: "text" }, ["id", "id"]), ['key column "id" is named twice']);
});

Deno.test("a name has up to 48 characters", () => {
  const name = "a".repeat(48);
  assert.deepEqual(columnProblems({ [name]: "text" }, [name]), []);
  assert.equal(columnProblems({ [`${name}a`]: "text" }, [`${name}a`]).length, 1);
});
