import assert from "node:assert/strict";
import { SchemaMismatch } from "../../src/errors.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";
import { uniqueName } from "../support/env.ts";
import {
  chunk,
  nameOf,
  newSource,
  rowsOf,
  type Step,
  tableOf,
  type WarehouseStore,
} from "./warehouse_fixture.ts";
import { roundTrip } from "./warehouse_values.ts";

/** Tables that are made, and tables that are there already. */
export async function tablePart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  await step("values of every type come back as they were", () => roundTrip(store, warehouse));

  await step("createTable may be repeated, also at once and in a new schema", async () => {
    const table = { ...tableOf({}), schema: uniqueName("schema") };
    await Promise.all(Array.from({ length: 5 }, () => warehouse.createTable(table)));
    await warehouse.createTable(table);
    await warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }],
    });
    assert.equal((await rowsOf(store, table)).length, 1);
  });

  await step("createTable takes a table of wider types, more columns and another unique key", async () => {
    const table = tableOf({
      columns: { a: ["int", "keep"], b: ["text", "keep"], v: ["text", "replace"] },
      key: ["a", "b"],
    });
    await store.query(
      `create table ${nameOf(table)} (id bigint generated always as identity primary key, b varchar not null,
         a bigint not null, v varchar, note text, made timestamptz not null default now())`,
    );
    await store.query(`create unique index on ${nameOf(table)} (b, a) include (v)`);
    await warehouse.createTable(table);
    await warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: [chunk(table, [{ a: 1, b: "x", v: "y" }])] }],
    });
    assert.deepEqual(await rowsOf(store, table, ["a", "b", "v"]), [{ a: "1", b: "x", v: "y" }]);
  });

  await step("createTable names everything that does not fit", async () => {
    const table = tableOf({
      columns: {
        id: ["text", "keep"],
        n: ["int", "replace"],
        gone: ["json", "replace"],
        maybe: ["text?", "replace"],
        fixed: ["int", "replace"],
      },
      computed: [{ name: "mean", expression: '"n" * 2', of: () => undefined }],
    });
    await store.query(
      `create table ${nameOf(table)} (id text, n varchar(5), maybe text not null, mean double precision,
         fixed integer generated always as (1) stored, extra text not null)`,
    );
    await store.query(`create unique index on ${nameOf(table)} (id) where n is not null`);
    await assert.rejects(warehouse.createTable(table), (error: Error) => {
      assert.ok(error instanceof SchemaMismatch, String(error));
      assert.ok(error.message.includes(nameOf(table)));
      for (
        const problem of [
          'key column "id" may be null',
          'column "n" is character varying(5), expected integer',
          'column "gone" (jsonb) is missing',
          'column "maybe" is not null',
          'column "fixed" is computed',
          'column "mean" is not double precision generated',
          'column "extra" is not null and has no default',
          "no primary key or unique index is exactly on (id)",
        ]
      ) assert.ok(error.message.includes(problem), `${problem} is missing in:\n${error.message}`);
      return true;
    });
  });

  await step("createTable refuses a view", async () => {
    const table = tableOf({});
    await store.query(`create view ${nameOf(table)} as select 'a'::text as id, 'b'::text as value`);
    await assert.rejects(warehouse.createTable(table), SchemaMismatch);
  });
}
