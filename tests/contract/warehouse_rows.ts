import assert from "node:assert/strict";
import type { ColumnType } from "../../src/columns.ts";
import { RefusedRows, type Transaction, type Warehouse } from "../../src/warehouse/mod.ts";
import { Seeded } from "../support/seeded.ts";
import {
  chunk,
  type Merge,
  moved,
  nameOf,
  newSource,
  newTable,
  type Row,
  rowsOf,
  type Step,
  type WarehouseStore,
} from "./warehouse_fixture.ts";

/** Rows that are refused, and what becomes of the good ones. */
export async function refusalPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  await step("rows that are refused are all named, and nothing is written", async () => {
    const [a, b] = [await newTable(warehouse, {}), await newTable(warehouse, {})];
    await store.query(`alter table ${nameOf(a)} add constraint short check (length(value) < 5)`);
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const rows = (count: number, bad: readonly number[]) =>
      Array.from({ length: count }, (_, index) => ({
        id: crypto.randomUUID(),
        value: bad.includes(index) ? "too long" : "ok",
      }));
    const tooLarge = {
      id: "i".repeat(9_000) + Array.from({ length: 4_000 }, () => crypto.randomUUID()).join(""),
    };
    const transaction: Transaction = {
      source,
      moves: [moved(0, 0, 1)],
      tables: [
        { table: b, chunks: [chunk(b, [{ id: "fine" }, tooLarge])] },
        { table: a, chunks: [chunk(a, rows(50, [0, 17, 18])), chunk(a, []), chunk(a, rows(33, [32]))] },
      ],
    };
    await assert.rejects(warehouse.commit(transaction), (error: Error) => {
      assert.ok(error instanceof RefusedRows, String(error));
      assert.deepEqual(error.refused.map(({ table, chunk, row }) => [table, chunk, row]), [
        [0, 0, 1],
        [1, 0, 0],
        [1, 0, 17],
        [1, 0, 18],
        [1, 2, 32],
      ]);
      assert.match(error.refused[0]!.reason, /index row/);
      assert.match(error.refused[1]!.reason, /short/);
      return true;
    });
    assert.deepEqual([await rowsOf(store, a), await rowsOf(store, b)], [[], []]);
    assert.equal((await warehouse.positions(source))[0]!.next, 0);
    const good = { ...transaction, tables: [{ table: a, chunks: [chunk(a, rows(50, []))] }] };
    await warehouse.commit(good);
    assert.equal((await rowsOf(store, a)).length, 50);
  });

  await step("of rows that exclude each other the later is refused", async () => {
    const table = await newTable(warehouse, {});
    await store.query(`alter table ${nameOf(table)} add unique (value)`);
    const rows = ["a", "b", "a", "c"].map((value, index) => ({ id: `${index}`, value }));
    const commit = warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: [chunk(table, rows.slice(0, 2)), chunk(table, rows.slice(2))] }],
    });
    await assert.rejects(commit, (error: Error) => {
      assert.ok(error instanceof RefusedRows, String(error));
      assert.deepEqual(error.refused.map(({ chunk, row }) => [chunk, row]), [[1, 0]]);
      assert.match(error.refused[0]!.reason, /Key \(value\)=\(a\) already exists/);
      return true;
    });
    assert.deepEqual(await rowsOf(store, table), []);
  });

  await step("a sum that overflows is refused", async () => {
    const table = await newTable(warehouse, { columns: { id: ["text", "keep"], n: ["bigint", "sum"] } });
    const source = newSource();
    const most = 2n ** 63n - 1n;
    const write = (n: bigint | number) =>
      warehouse.commit({
        source,
        moves: [],
        tables: [{ table, chunks: [chunk(table, [{ id: "a", n }, { id: "b", n: 1 }])] }],
      });
    await write(most);
    await assert.rejects(write(1), (error: Error) => {
      assert.ok(error instanceof RefusedRows, String(error));
      assert.deepEqual(error.refused.map(({ row }) => row), [0]);
      return true;
    });
    assert.deepEqual(await rowsOf(store, table), [{ id: "a", n: `${most}` }, { id: "b", n: "1" }]);
  });

  await step("an error that no row is to blame for is thrown as it is", async () => {
    const table = await newTable(warehouse, {});
    await store.query(`drop table ${nameOf(table)}`);
    const source = newSource();
    const commit = () =>
      warehouse.commit({ source, moves: [], tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }] });
    await assert.rejects(commit(), { code: "42P01" });
    await warehouse.createTable(table);
    await commit();
    assert.deepEqual(await rowsOf(store, table), [{ id: "a", value: null }]);
  });
}

/** What a row does whose key is there already. */
export async function mergePart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  // Adapters may write few rows in another way than many: the rows that count come with others.
  for (const others of [0, 200]) {
    await step(
      `rows merge by column, within a chunk, across chunks, with what is there; ${others} others`,
      async () => {
        const columns: Record<string, [ColumnType | `${ColumnType}?`, Merge]> = {
          id: ["text", "keep"],
          at: ["timestamp", "keep"],
          n: ["bigint", "sum"],
          total: ["double?", "sum"],
          low: ["double", "min"],
          high: ["double?", "max"],
          first: ["json", "keep"],
          last: ["bytes", "replace"],
        };
        const table = await newTable(warehouse, {
          columns,
          key: ["id", "at"],
          computed: [{ name: "mean", expression: '"total" / "n"', of: () => undefined }],
        });
        const row = (n: number, more: Row = {}): Row => ({
          id: "a",
          at: 0,
          n,
          total: n * 1.5,
          low: n,
          high: n,
          first: { n },
          last: new Uint8Array([n]),
          ...more,
        });
        const filler = Array.from({ length: others }, (_, index) => row(1, { id: `b${index}` }));
        const source = newSource();
        const write = (...chunks: Row[][]) =>
          warehouse.commit({
            source,
            moves: [],
            tables: [{ table, chunks: [...chunks, filler].map((rows) => chunk(table, rows)) }],
          });
        await write([row(5), row(2), row(1, { at: 1 })], [row(9)]);
        await write([row(7, { total: null, high: null })], [row(4)]);
        const rows = await rowsOf(store, table, [
          "id",
          "at",
          "n",
          "total",
          "low",
          "high",
          "first",
          "last",
          "mean",
        ]);
        assert.equal(rows.length, 2 + others);
        assert.deepEqual(
          rows.slice(0, 2),
          [
            {
              n: "27",
              total: "30",
              low: "2",
              high: "9",
              first: '{"n": 5}',
              last: "\\x04",
              mean: `${30 / 27}`,
            },
            { n: "1", total: "1.5", low: "1", high: "1", first: '{"n": 1}', last: "\\x01", mean: "1.5" },
          ].map((each, index) => ({
            id: "a",
            at: `1970-01-01 00:00:00${index === 0 ? "" : ".001"}+00`,
            ...each,
          })),
        );
      },
    );
  }

  for (const count of [3, 120]) {
    await step(
      `the last row of a key wins, whatever the lengths of the rows before; ${count} a chunk`,
      async () => {
        const table = await newTable(warehouse, {});
        const random = new Seeded(11);
        const expected = new Map<string, string>();
        const chunks = Array.from({ length: 12 }, (_, part) => {
          const rows = Array.from({ length: count }, (_, index) => ({
            id: `k${(index * 7 + part) % 150}`,
            // Uneven, so that later rows would fit into room that was left on earlier pages.
            value: `${part}.${index}.${"x".repeat(Math.floor(random.fraction() ** 3 * 1_900))}`,
          }));
          for (const { id, value } of rows) expected.set(id, value);
          return chunk(table, rows);
        });
        await warehouse.commit({ source: newSource(), moves: [], tables: [{ table, chunks }] });
        const rows = await rowsOf(store, table);
        assert.deepEqual(new Map(rows.map(({ id, value }) => [id, value])), expected);
      },
    );
  }

  await step("the first row of a key stays where columns are kept", async () => {
    const table = await newTable(warehouse, { columns: { id: ["text", "keep"], value: ["text", "keep"] } });
    const write = (...chunks: Row[][]) =>
      warehouse.commit({
        source: newSource(),
        moves: [],
        tables: [{ table, chunks: chunks.map((rows) => chunk(table, rows)) }],
      });
    await write([{ id: "a", value: "1" }], [{ id: "a", value: "2" }, { id: "b", value: "2" }]);
    await write([{ id: "a", value: "3" }, { id: "c", value: "3" }]);
    assert.deepEqual((await rowsOf(store, table)).map(({ value }) => value), ["1", "2", "3"]);
  });

  await step("a table of nothing but its key takes each key once", async () => {
    const table = await newTable(warehouse, { columns: { id: ["text", "keep"] } });
    const rows = [chunk(table, [{ id: "a" }, { id: "b" }]), chunk(table, [{ id: "a" }])];
    await warehouse.commit({ source: newSource(), moves: [], tables: [{ table, chunks: rows }] });
    assert.deepEqual(await rowsOf(store, table), [{ id: "a" }, { id: "b" }]);
  });
}
