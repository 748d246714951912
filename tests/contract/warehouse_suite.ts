/** What every adapter of the warehouse port must do. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";
import { uniqueName } from "../support/env.ts";
import {
  chunk,
  fresh,
  moved,
  newSource,
  newTable,
  rowsOf,
  type Step,
  type WarehouseStore,
} from "./warehouse_fixture.ts";
import { foldPart } from "./warehouse_folds.ts";
import { aggregatePart } from "./warehouse_merges.ts";
import { outboxPart } from "./warehouse_outbox.ts";
import { resetPart } from "./warehouse_resets.ts";
import { mergePart, refusalPart } from "./warehouse_rows.ts";
import { statePart } from "./warehouse_states.ts";
import { tablePart } from "./warehouse_tables.ts";
import { watermarkPart } from "./warehouse_watermarks.ts";

/** Holds a warehouse to the promises of `src/warehouse/mod.ts`. Every part makes its own tables and sources. */
export async function warehouseSuite(store: WarehouseStore, step: Step): Promise<void> {
  const warehouse = await store.open();
  try {
    await checkpointPart(warehouse, step);
    await resetPart(warehouse, step);
    await commitPart(store, warehouse, step);
    await refusalPart(store, warehouse, step);
    await mergePart(store, warehouse, step);
    await tablePart(store, warehouse, step);
    await statePart(warehouse, step);
    await aggregatePart(store, warehouse, step);
    await foldPart(store, warehouse, step);
    await watermarkPart(store, warehouse, step);
    await outboxPart(store, warehouse, step);
    await runsPart(warehouse, step);
    await selectPart(store, warehouse, step);
  } finally {
    await warehouse.close();
  }
  await reopenPart(store, step);
}

export async function checkpointPart(warehouse: Warehouse, step: Step): Promise<void> {
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

  await step("positions that are set stand where there was none, and nowhere else", async () => {
    const source = newSource();
    await warehouse.setPositions(source, new Map([[0, 5], [1, 6]]));
    assert.deepEqual(await warehouse.claim(source, [0, 1, 2], new Map(), () => 9), [
      { ...fresh(0, 5), epoch: 1 },
      { ...fresh(1, 6), epoch: 1 },
      fresh(2, 9),
    ]);
    await warehouse.setPositions(source, new Map([[0, 50], [3, 8]]));
    const positions = await warehouse.positions(source);
    assert.deepEqual(positions.map(({ partition, epoch, next }) => [partition, epoch, next]), [
      [0, 1, 5],
      [1, 1, 6],
      [2, 1, 9],
      [3, 0, 8],
    ]);
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

  await step(
    "positions know the topic that they were given in, and take another one's only when set",
    async () => {
      const source = newSource();
      const ids = async () => [...await warehouse.topicIds(source)].sort();
      await warehouse.setPositions(source, new Map([[0, 5]]));
      await warehouse.claim(source, [0], new Map(), () => 0);
      assert.deepEqual(await ids(), [], "nobody has told");
      await warehouse.claim(source, [0, 1], new Map([[0, 1]]), () => 0, "first");
      assert.deepEqual(await ids(), [[0, "first"], [1, "first"]]);

      await warehouse.commit({ source, moves: [{ ...fresh(0, 6), from: 5 }], tables: [] });
      await warehouse.claim(source, [0, 1, 2], new Map([[0, 1]]), () => 0, "second");
      await warehouse.claim(source, [0, 1, 2], new Map(), () => 0);
      await warehouse.setPositions(source, new Map([[0, 7]]), "second");
      assert.deepEqual(await ids(), [[0, "first"], [1, "first"], [2, "second"]]);

      const reset = (epoch: number | null) => ({ epoch, next: 7, exactly: false });
      await warehouse.resets.make(source, {
        id: "a",
        topicId: "second",
        partitions: [{ partition: 1, ...reset(3) }, { partition: 3, ...reset(null) }],
        topics: [],
        gone: [],
      });
      await warehouse.resets.make(source, {
        id: "b",
        partitions: [{ partition: 2, ...reset(2) }],
        topics: [],
        gone: [],
      });
      assert.deepEqual(await ids(), [[0, "first"], [1, "second"], [3, "second"]]);
      assert.deepEqual([...await warehouse.topicIds({ ...source, group: "nobody's" })], []);
    },
  );

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

export async function commitPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
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

export async function selectPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  await step("a query's rows come as JSON has them, and no more than asked for", async () => {
    const query =
      "select n as number, 'text ' || n as text, null as nothing from generate_series(1, 9) as n; ";
    assert.deepEqual(await warehouse.select(query, 2), [
      { number: 1, text: "text 1", nothing: null },
      { number: 2, text: "text 2", nothing: null },
    ]);
    assert.equal((await warehouse.select(`${query} -- and a comment`.replace(";", ""), 100)).length, 9);
  });

  await step("a query that would write is refused, and the warehouse goes on", async () => {
    const table = await newTable(warehouse, {});
    const name = `"${table.schema}"."${table.table}"`;
    for (
      const query of [
        `with gone as (delete from ${name} returning 1) select * from gone`,
        `select 1) as q; drop table ${name}; select * from (select 1`,
        "select nextval('weir.none')",
        "not SQL",
      ]
    ) await assert.rejects(warehouse.select(query, 10), query);
    assert.deepEqual(await rowsOf(store, table), []);
    assert.deepEqual(await warehouse.select("select 1 as one", 10), [{ one: 1 }]);
  });
}

export async function runsPart(warehouse: Warehouse, step: Step): Promise<void> {
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
