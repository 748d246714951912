/** The part of the warehouse's contract that merges aggregates in SQL as workers do in TypeScript. */
import assert from "node:assert/strict";
import { type Merge, merges, type Moments, type Picked } from "../../src/merge.ts";
import type { ColumnType } from "../../src/columns.ts";
import type { Warehouse, WarehouseTable } from "../../src/warehouse/mod.ts";
import { Seeded } from "../support/seeded.ts";
import {
  chunk,
  moved,
  newSource,
  newTable,
  type Row,
  rowsOf,
  type Step,
  type WarehouseStore,
} from "./warehouse_fixture.ts";

const session = {
  window_start: ["timestamp", "keep"],
  window_end: ["timestamp", "keep"],
} as const;

export async function aggregatePart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  const write = (table: WarehouseTable, ...chunks: (readonly Row[])[]) =>
    warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: chunks.map((rows) => chunk(table, rows)) }],
    });

  const kinds: Record<Merge, { type: ColumnType; value: (random: Seeded) => unknown }> = {
    sum: { type: "bigint", value: (random) => random.integer(-9, 9) },
    min: { type: "double", value: (random) => random.integer(-9, 9) / 8 },
    max: { type: "double", value: (random) => random.integer(-9, 9) / 8 },
    moments: {
      type: "json",
      value: (random) => [random.integer(1, 5), random.fraction(), random.fraction()],
    },
    first: { type: "json", value: picked },
    last: { type: "json", value: picked },
  };
  for (const [merge, { type, value }] of Object.entries(kinds)) {
    await step(`${merge} merges in SQL as in workers, within a commit and over several`, async () => {
      const random = new Seeded(11);
      const table = await newTable(warehouse, {
        columns: { id: ["text", "keep"], v: [type, merge as Merge] },
      });
      const values = Array.from({ length: 12 }, () => value(random));
      const row = (v: unknown) => ({ id: "a", v });
      await write(table, values.slice(0, 3).map(row), values.slice(3, 5).map(row));
      await write(table, values.slice(5, 6).map(row));
      await write(table, values.slice(6).map(row));
      const expected = values.reduce(merges[merge as Merge] as (held: unknown, brought: unknown) => unknown);
      const [found] = await rowsOf(store, table);
      const parsed = JSON.parse(found!.v!) as number | Moments | Picked;
      if (merge !== "moments") return assert.deepEqual(parsed, expected);
      (parsed as Moments).forEach((each, i) =>
        assert.ok(Math.abs(each - (expected as Moments)[i]!) < 1e-12, `${parsed} is not ${expected}`)
      );
    });
  }

  await step(
    "sessions that overlap become one, those that touch stay apart, and keys have their own",
    async () => {
      const table = await newTable(warehouse, {
        columns: { ...session, id: ["text", "keep"], n: ["bigint", "sum"] },
        key: ["window_start", "id"],
      }, { sessions: true });
      const of = (id: string, window_start: number, window_end: number) => ({
        id,
        window_start,
        window_end,
        n: 1,
      });
      const found = async () =>
        (await rowsOf(store, table, ["id", "n", "window_start", "window_end"])).map(({ id, n, ...bounds }) =>
          `${id} ${bounds.window_start!.slice(17, 19)}-${bounds.window_end!.slice(17, 19)} ${n}`
        );
      await write(table, [of("a", 0, 10_000), of("a", 10_000, 20_000), of("b", 5_000, 15_000)]);
      assert.deepEqual(await found(), ["a 00-10 1", "b 05-15 1", "a 10-20 1"]);
      // One that was there grows at its end, at its start, and one that bridges two takes both in.
      await write(table, [of("b", 14_000, 24_000)], [of("b", 1_000, 6_000)]);
      assert.deepEqual(await found(), ["a 00-10 1", "b 01-24 3", "a 10-20 1"]);
      await write(table, [of("a", 9_000, 11_000)]);
      assert.deepEqual(await found(), ["a 00-20 3", "b 01-24 3"]);
      // Within one commit, over a row that is there.
      await write(table, [of("a", 30_000, 40_000), of("a", 19_000, 25_000), of("a", 24_000, 31_000)]);
      assert.deepEqual(await found(), ["a 00-40 6", "b 01-24 3"]);
      // Many rows go through a staging table.
      const many = Array.from(
        { length: 300 },
        (_, i) => of(`k${i % 100}`, (i % 3) * 1_000, (i % 3) * 1_000 + 1_500),
      );
      await write(table, many);
      assert.deepEqual(
        (await found()).filter((each) => each.startsWith("k") && !each.endsWith("00-03 3")),
        [],
      );
    },
  );

  await step("sessions without a key are those of all records", async () => {
    const table = await newTable(warehouse, {
      columns: { ...session, n: ["bigint", "sum"] },
      key: ["window_start"],
    }, { sessions: true });
    const of = (window_start: number) => ({ window_start, window_end: window_start + 1_000, n: 1 });
    await write(table, [of(0), of(5_000), of(900)]);
    await write(table, [of(5_500), of(-200)]);
    assert.deepEqual((await rowsOf(store, table)).map(({ n }) => n), ["3", "2"]);
  });

  await step(
    "writers of the same sessions and groups at once never wait in a circle, and lose nothing",
    async () => {
      const sessions = await newTable(warehouse, {
        columns: { ...session, id: ["text", "keep"], n: ["bigint", "sum"] },
        key: ["window_start", "id"],
      }, { sessions: true });
      const groups = await newTable(warehouse, { columns: { id: ["text", "keep"], n: ["bigint", "sum"] } });
      const source = newSource();
      await warehouse.claim(source, [0, 1, 2, 3], new Map(), () => 0);
      const random = new Seeded(5);
      const rounds = 6;
      await Promise.all([0, 1, 2, 3].map(async (partition) => {
        for (let round = 0; round < rounds; round++) {
          const ids = Array.from({ length: 120 }, (_, i) => `k${i}`).toSorted(() => random.fraction() - 0.5);
          const rows = ids.map((id) => {
            const window_start = random.integer(0, 20) * 400;
            return { id, n: 1, window_start, window_end: window_start + 500 };
          });
          const tables = [groups, sessions].map((table) => ({ table, chunks: [chunk(table, rows)] }));
          if (random.chance(0.5)) tables.reverse();
          await warehouse.commit({ source, moves: [moved(partition, round, round + 1)], tables });
        }
      }));
      const total = (rows: readonly Record<string, string | null>[]) =>
        rows.reduce((sum, { n }) => sum + Number(n), 0);
      assert.equal(total(await rowsOf(store, groups)), 4 * rounds * 120);
      const found = await rowsOf(store, sessions, ["id", "window_start", "window_end", "n"]);
      assert.equal(total(found), 4 * rounds * 120);
      const lastEnds = new Map<string, string>();
      for (const { id, window_start, window_end } of found) {
        assert.ok((lastEnds.get(id!) ?? "") <= window_start!, `the sessions of ${id} overlap`);
        lastEnds.set(id!, window_end!);
      }
    },
  );
}

/** No two of them are of the same time and place. */
function picked(random: Seeded): Picked {
  return [
    random.integer(0, 3),
    random.integer(0, 2),
    random.integer(0, 1_000_000),
    random.pick(["x", 1, true]),
  ];
}
