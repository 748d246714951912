import assert from "node:assert/strict";
import { type ColumnSpec, type ColumnType } from "../../src/columns.ts";
import { Fenced, SchemaMismatch } from "../../src/errors.ts";
import { CopyEncoder } from "../../src/warehouse/copy_text.ts";
import {
  type CopyChunk,
  type Move,
  RefusedRows,
  type SourceName,
  type Transaction,
  type Warehouse,
  type WarehouseColumn,
  type WarehouseTable,
} from "../../src/warehouse/mod.ts";
import { uniqueName } from "../support/env.ts";

/** A database under test. */
export interface WarehouseStore {
  /** Opens the warehouse in it: the same each time. */
  open(): Promise<Warehouse>;
  /** Runs one statement beside the open warehouse; values come as text, or null. */
  query(text: string): Promise<Record<string, string | null>[]>;
}

type Row = Readonly<Record<string, unknown>>;
type Merge = WarehouseColumn["merge"];
type Step = (name: string, run: () => Promise<void>) => Promise<void>;

/** Holds a warehouse to the promises of `src/warehouse/mod.ts`. Every part makes its own tables and sources. */
export async function warehouseSuite(store: WarehouseStore, step: Step): Promise<void> {
  const warehouse = await store.open();
  try {
    await checkpointPart(warehouse, step);
    await commitPart(store, warehouse, step);
    await refusalPart(store, warehouse, step);
    await mergePart(store, warehouse, step);
    await tablePart(store, warehouse, step);
    await runsPart(warehouse, step);
  } finally {
    await warehouse.close();
  }
  await reopenPart(store, step);
}

async function checkpointPart(warehouse: Warehouse, step: Step): Promise<void> {
  await step(
    "claim gives new partitions their first position, sorted, and asks for it only then",
    async () => {
      const source = newSource();
      const asked: number[] = [];
      const initial = (partition: number) => {
        asked.push(partition);
        return partition * 10;
      };
      const first = await warehouse.claim(source, [2, 0], new Map(), initial);
      assert.deepEqual(first, [fresh(0, 0), fresh(2, 20)]);
      await warehouse.claim(source, [0, 1, 2], new Map(), initial);
      assert.deepEqual(asked.toSorted(), [0, 1, 2]);
      assert.deepEqual((await warehouse.positions(source)).map(({ partition, next }) => [partition, next]), [
        [0, 0],
        [1, 10],
        [2, 20],
      ]);
    },
  );

  await step("claim keeps the epoch of partitions that are still held, and raises all others", async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1, 2], new Map(), () => 0);
    await warehouse.claim(source, [1], new Map(), () => 0);
    const claimed = await warehouse.claim(source, [0, 1, 2], new Map([[0, 1], [1, 1]]), () => 99);
    assert.deepEqual(claimed.map(({ partition, epoch, next }) => [partition, epoch, next]), [
      [0, 1, 0],
      [1, 3, 0],
      [2, 2, 0],
    ]);
    assert.deepEqual(await warehouse.claim(source, [], new Map(), () => 0), []);
  });

  await step("processes that claim at once get epochs one after the other", async () => {
    const source = newSource();
    const claims = await Promise.all(
      Array.from({ length: 6 }, () => warehouse.claim(source, [0, 1], new Map(), () => 7)),
    );
    for (const index of [0, 1]) {
      assert.deepEqual(claims.map((claim) => claim[index]!.epoch).toSorted(), [1, 2, 3, 4, 5, 6]);
    }
  });

  await step("positions are those of the group and topic, and of no other", async () => {
    const source = newSource("a 'quoted' \\group\\");
    await warehouse.claim(source, [3], new Map(), () => 5);
    await warehouse.claim({ ...source, group: `${source.group}2` }, [3], new Map(), () => 6);
    await warehouse.claim({ ...source, topic: `${source.topic}2` }, [3], new Map(), () => 7);
    const move = { ...fresh(3, 5), from: 5, next: 2 ** 52, writeTime: 1.7e15 + 1, eventTime: -1.5 };
    await warehouse.commit({ source, moves: [move], tables: [] });
    const { from: _, ...checkpoint } = move;
    assert.deepEqual(await warehouse.positions(source), [checkpoint]);
    assert.deepEqual(await warehouse.positions({ group: "nobody's", topic: source.topic }), []);
  });
}

async function commitPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  await step("commit writes the rows of all tables and all moves", async () => {
    const [a, b] = [await newTable(warehouse, {}), await newTable(warehouse, {})];
    const source = newSource();
    await warehouse.claim(source, [0, 1], new Map(), () => 0);
    await warehouse.commit({
      source,
      moves: [moved(1, 0, 8), moved(0, 0, 4)],
      tables: [
        { table: b, chunks: [chunk(b, [{ id: "x", value: "1" }]), chunk(b, [{ id: "y", value: "2" }])] },
        { table: a, chunks: [chunk(a, [{ id: "x", value: "3" }])] },
      ],
    });
    assert.deepEqual(await rowsOf(store, a), [{ id: "x", value: "3" }]);
    assert.deepEqual(await rowsOf(store, b), [{ id: "x", value: "1" }, { id: "y", value: "2" }]);
    assert.deepEqual((await warehouse.positions(source)).map(({ next }) => next), [4, 8]);
  });

  await step(
    "commit takes moves without rows, rows without moves, chunks without rows, and nothing",
    async () => {
      const table = await newTable(warehouse, {});
      const source = newSource();
      await warehouse.claim(source, [0], new Map(), () => 0);
      await warehouse.commit({ source, moves: [moved(0, 0, 1)], tables: [] });
      await warehouse.commit({
        source,
        moves: [],
        tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }],
      });
      await warehouse.commit({
        source,
        moves: [moved(0, 1, 2)],
        tables: [{ table, chunks: [chunk(table, [])] }],
      });
      await warehouse.commit({ source, moves: [], tables: [] });
      assert.equal((await warehouse.positions(source))[0]!.next, 2);
      assert.deepEqual(await rowsOf(store, table), [{ id: "a", value: null }]);
    },
  );

  for (
    const [what, misses] of Object.entries({
      "of an older epoch": { epoch: 1, from: 10, next: 11 },
      "of an epoch to come": { epoch: 3, from: 10, next: 11 },
      "from an earlier position": { epoch: 2, from: 9, next: 11 },
      "from a later position": { epoch: 2, from: 11, next: 12 },
      "of a partition without a position": { partition: 9, epoch: 2, from: 10, next: 11 },
    })
  ) {
    await step(`a move ${what} fences the whole commit`, async () => {
      const table = await newTable(warehouse, {});
      const source = newSource();
      await warehouse.claim(source, [0, 1], new Map(), () => 10);
      await warehouse.claim(source, [0, 1], new Map(), () => 10);
      const before = await warehouse.positions(source);
      const good = { ...fresh(0, 12), epoch: 2, from: 10 };
      const bad = { ...fresh(1, 0), ...misses };
      const commit = warehouse.commit({
        source,
        moves: [good, bad],
        tables: [{ table, chunks: [chunk(table, [{ id: "a" }])] }],
      });
      await assert.rejects(commit, (error: Error) => {
        assert.ok(error instanceof Fenced);
        assert.match(error.message, new RegExp(`partition ${bad.partition} `));
        assert.match(error.message, new RegExp(`expected offset ${bad.from} of epoch ${bad.epoch}`));
        assert.match(error.message, bad.partition === 9 ? /holds no position/ : /holds offset 10 of epoch 2/);
        return true;
      });
      assert.deepEqual(await rowsOf(store, table), []);
      assert.deepEqual(await warehouse.positions(source), before);
      await warehouse.commit({ source, moves: [good], tables: [] });
    });
  }

  await step("of commits of the same move at once exactly one is made", async () => {
    const table = await newTable(warehouse, {
      columns: { id: ["text", "keep"], n: ["bigint", "sum"] },
    });
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 4 }, () =>
          warehouse.commit({
            source,
            moves: [moved(0, round, round + 1)],
            tables: [{ table, chunks: [chunk(table, [{ id: "a", n: 1 }])] }],
          })),
      );
      const failures = outcomes.filter((outcome) => outcome.status === "rejected");
      assert.equal(failures.length, 3);
      for (const { reason } of failures) assert.ok(reason instanceof Fenced, String(reason));
    }
    assert.deepEqual(await rowsOf(store, table), [{ id: "a", n: "5" }]);
  });

  await step(
    "partitions commit at once to the same keys, whatever their order, and none is lost",
    async () => {
      const table = await newTable(warehouse, {
        columns: { id: ["text", "keep"], n: ["bigint", "sum"] },
      });
      const source = newSource();
      await warehouse.claim(source, [0, 1, 2, 3], new Map(), () => 0);
      const ids = Array.from({ length: 200 }, (_, index) => `k${index}`);
      await Promise.all([0, 1, 2, 3].map(async (partition) => {
        for (let round = 0; round < 5; round++) {
          const order = (partition + round) % 2 === 0 ? ids : ids.toReversed();
          await warehouse.commit({
            source,
            moves: [moved(partition, round, round + 1)],
            tables: [{ table, chunks: [chunk(table, order.map((id) => ({ id, n: 1 })))] }],
          });
        }
      }));
      assert.deepEqual(new Set((await rowsOf(store, table)).map((row) => row.n)), new Set(["20"]));
    },
  );

  await step("the bytes of a commit are left as they are, so that it can be tried again", async () => {
    const table = await newTable(warehouse, {});
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const rows = [chunk(table, [{ id: "a", value: "b" }])];
    const before = rows[0]!.bytes.slice();
    const fenced = { source, moves: [moved(0, 5, 6)], tables: [{ table, chunks: rows }] };
    await assert.rejects(warehouse.commit(fenced), Fenced);
    assert.deepEqual(rows[0]!.bytes, before);
    await warehouse.commit({ ...fenced, moves: [moved(0, 0, 6)] });
    assert.deepEqual(await rowsOf(store, table), [{ id: "a", value: "b" }]);
  });
}

async function refusalPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
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

async function mergePart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  await step("rows merge by column: within a chunk, across chunks, with what is there", async () => {
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
      computed: [{ name: "mean", expression: '"total" / "n"' }],
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
    const source = newSource();
    const write = (...chunks: Row[][]) =>
      warehouse.commit({
        source,
        moves: [],
        tables: [{ table, chunks: chunks.map((rows) => chunk(table, rows)) }],
      });
    await write([row(5), row(2), row(1, { at: 1 })], [row(9)]);
    await write([row(7, { total: null, high: null })], [row(4)]);
    const common = { id: "a" };
    assert.deepEqual(
      await rowsOf(store, table, "at, n, total, low, high, first, encode(last, 'hex') as last, mean"),
      [
        { n: "27", total: "30", low: "2", high: "9", first: '{"n": 5}', last: "04", mean: `${30 / 27}` },
        { n: "1", total: "1.5", low: "1", high: "1", first: '{"n": 1}', last: "01", mean: "1.5" },
      ].map((each, index) => ({ at: `1970-01-01 00:00:00${index === 0 ? "" : ".001"}+00`, ...each })),
    );
    assert.deepEqual(await rowsOf(store, table, "id"), [common, common]);
  });

  await step("the last row of a key wins, whatever the lengths of the rows before", async () => {
    const table = await newTable(warehouse, {});
    const random = seeded(11);
    const expected = new Map<string, string>();
    const chunks = Array.from({ length: 12 }, (_, part) => {
      const rows = Array.from({ length: 120 }, (_, index) => ({
        id: `k${(index * 7 + part) % 150}`,
        // Uneven, so that later rows would fit into room that was left on earlier pages.
        value: `${part}.${index}.${"x".repeat(Math.floor(random() ** 3 * 1_900))}`,
      }));
      for (const { id, value } of rows) expected.set(id, value);
      return chunk(table, rows);
    });
    await warehouse.commit({ source: newSource(), moves: [], tables: [{ table, chunks }] });
    const rows = await rowsOf(store, table);
    assert.deepEqual(new Map(rows.map(({ id, value }) => [id, value])), expected);
  });

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

async function tablePart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
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
    assert.deepEqual(await rowsOf(store, table, "a, b, v"), [{ a: "1", b: "x", v: "y" }]);
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
      computed: [{ name: "mean", expression: '"n" * 2' }],
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

async function runsPart(warehouse: Warehouse, step: Step): Promise<void> {
  await step("a run is taken once", async () => {
    const name = uniqueName("pipeline");
    const at = new Date("2026-01-02T03:04:00Z");
    const takes = await Promise.all(Array.from({ length: 6 }, () => warehouse.takeRun(name, at)));
    assert.deepEqual(takes.toSorted(), [false, false, false, false, false, true]);
    assert.equal(await warehouse.takeRun(name, at), false);
    assert.equal(await warehouse.takeRun(name, new Date(at.getTime() + 1)), true);
    assert.equal(await warehouse.takeRun(`${name}2`, at), true);
  });
}

async function reopenPart(store: WarehouseStore, step: Step): Promise<void> {
  await step("what was committed is there after closing and opening", async () => {
    const source = newSource();
    const first = await store.open();
    const table = await newTable(first, {});
    await first.claim(source, [0], new Map(), () => 0);
    const rows = { table, chunks: [chunk(table, [{ id: "a", value: "b" }])] };
    await first.commit({ source, moves: [moved(0, 0, 3)], tables: [rows] });
    await first.close();
    await assert.rejects(first.positions(source));

    const second = await store.open();
    try {
      assert.deepEqual((await second.positions(source)).map(({ next }) => next), [3]);
      await second.createTable(table);
      assert.deepEqual(await rowsOf(store, table), [{ id: "a", value: "b" }]);
      await second.commit({ source, moves: [moved(0, 3, 4)], tables: [rows] });
    } finally {
      await second.close();
    }
  });
}

/** Writes values of every type, well-known edges and others at random, and compares what the database reads them as. */
async function roundTrip(store: WarehouseStore, warehouse: Warehouse): Promise<void> {
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
  const random = seeded(7);
  const rows: Row[] = Array.from({ length: 400 }, (_, id) => ({ id, ...randomValues(random) }));
  rows.push(...edges().map((values, index) => ({ id: 1_000 + index, ...values })));
  await warehouse.commit({
    source: newSource(),
    moves: [],
    tables: [{ table, chunks: [chunk(table, rows)] }],
  });
  const read = await rowsOf(
    store,
    table,
    `id, text, uuid, int, bigint, double, boolean, extract(epoch from timestamp) * 1000 as timestamp,
     date, json, encode(bytes, 'hex') as bytes`,
  );
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
    const time = row.timestamp ?? null;
    assert.equal(timestamp === null ? null : Number(timestamp), time === null ? null : Number(time));
    const bytes = row.bytes instanceof Uint8Array ? hex(row.bytes) : null;
    const boolean = typeof row.boolean === "boolean" ? `${row.boolean}` : null;
    assert.deepEqual(others, {
      text: typeof row.text === "string" ? row.text.toWellFormed() : null,
      uuid: typeof row.uuid === "string" ? row.uuid.toLowerCase() : null,
      int: textOf(row.int),
      bigint: textOf(row.bigint),
      boolean,
      date: row.date ?? null,
      bytes,
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

function randomValues(random: () => number): Row {
  const below = (count: number) => Math.floor(random() * count);
  const characters = [
    "a",
    "Z",
    "\t",
    "\n",
    "\r",
    "\\",
    '"',
    "'",
    "é",
    "€",
    "😀",
    "\ud83d",
    " ",
    "\u2028",
    "N",
    ".",
  ];
  const text = () => Array.from({ length: below(20) }, () => characters[below(characters.length)]).join("");
  const values: Record<string, unknown> = {
    text: text(),
    uuid: crypto.randomUUID(),
    int: below(2 ** 32) - 2 ** 31,
    bigint: BigInt(below(2 ** 53)) * 1_000n - 4_000_000_000_000_000_000n,
    double: (random() - 0.5) * 10 ** below(600) / 10 ** 300,
    boolean: random() < 0.5,
    timestamp: below(6e13) - 3e13,
    date: new Date(below(4e12)).toISOString().slice(0, 10),
    json: { [text().toWellFormed()]: [text(), below(1_000), null] },
    bytes: Uint8Array.from({ length: below(30) }, () => below(256)),
  };
  return Object.fromEntries(Object.entries(values).filter(() => random() < 0.9));
}

function seeded(seed: number): () => number {
  // mulberry32
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
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

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function newSource(group = "group"): SourceName {
  return { group: uniqueName(group), topic: uniqueName("topic") };
}

function fresh(partition: number, next: number) {
  return { partition, epoch: 1, next, writeTime: 0, eventTime: null };
}

function moved(partition: number, from: number, next: number): Move {
  return { ...fresh(partition, next), from };
}

interface TableOptions {
  /** Types and merges by name. Default: a text key `id` and an optional text `value` that is replaced. */
  readonly columns?: Readonly<Record<string, readonly [ColumnType | `${ColumnType}?`, Merge]>>;
  /** Default: `id`. */
  readonly key?: readonly string[];
  readonly computed?: WarehouseTable["computed"];
}

export function tableOf({ columns, key = ["id"], computed = [] }: TableOptions): WarehouseTable {
  const defaults = { id: ["text", "keep"], value: ["text?", "replace"] } as const;
  return {
    schema: "public",
    table: uniqueName("table"),
    columns: Object.entries(columns ?? defaults).map(([name, [type, merge]]) => ({
      name,
      type: type.replace("?", "") as ColumnType,
      optional: type.endsWith("?"),
      merge,
    })),
    key,
    computed,
  };
}

async function newTable(warehouse: Warehouse, options: TableOptions): Promise<WarehouseTable> {
  const table = tableOf(options);
  await warehouse.createTable(table);
  return table;
}

export function chunk(table: { readonly columns: readonly ColumnSpec[] }, rows: readonly Row[]): CopyChunk {
  const encoder = new CopyEncoder(table.columns);
  for (const row of rows) encoder.add(row);
  return encoder.finish();
}

function nameOf({ schema, table }: WarehouseTable): string {
  return `"${schema}"."${table}"`;
}

/** What a table holds, in the order of its key, as text. */
export function rowsOf(
  store: WarehouseStore,
  table: WarehouseTable,
  columns = table.columns.map((column) => `"${column.name}"`).join(", "),
): Promise<Record<string, string | null>[]> {
  return store.query(`select ${columns} from ${nameOf(table)} order by ${table.key.join(", ")}`);
}
