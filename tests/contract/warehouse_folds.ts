/** The part of the warehouse's contract that merges states by functions, within the transaction that moves the position. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { Fold } from "../../src/merge.ts";
import { RefusedRows, type Warehouse, type WarehouseTable } from "../../src/warehouse/mod.ts";
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

/** The letters of all rows, sorted; nothing may be after a `z`, and a `!` is no result. */
const letters: Fold = {
  merge: (states) => {
    if (states.slice(0, -1).some((state) => (state as string).includes("z"))) {
      throw new Error("there was a z");
    }
    return JSON.stringify((states as string[]).join("").split("").toSorted().join(""));
  },
  result: (state) => {
    if ((state as string).includes("!")) throw new Error("there is a !");
    return state === "" ? null : String((state as string).length);
  },
};

const folds = [{ name: 'custom "size"', state: "size_state", result: "size", fold: letters }];
const values = { n: ["bigint", "sum"], size_state: ["json", "replace"], size: ["int?", "replace"] } as const;
const bounds = { window_start: ["timestamp", "keep"], window_end: ["timestamp", "keep"] } as const;

function of(id: string, ...states: string[]): Row {
  return { id, n: states.length, size_state: states, size: null };
}

export async function foldPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  const grouped = () => newTable(warehouse, { columns: { id: ["text", "keep"], ...values } }, { folds });
  const sessions = () =>
    newTable(
      warehouse,
      { columns: { ...bounds, id: ["text", "keep"], ...values }, key: ["window_start", "id"] },
      { sessions: true, folds },
    );
  const transaction = (table: WarehouseTable, ...chunks: (readonly Row[])[]) => ({
    source: newSource(),
    moves: [],
    tables: [{ table, chunks: chunks.map((rows) => chunk(table, rows)) }],
  });
  const found = async (table: WarehouseTable, columns = ["id", "n", "size_state", "size"]) =>
    (await rowsOf(store, table, columns)).map((row) => Object.values(row).join(" "));

  await step("states are merged by functions, those of a commit and those that are held", async () => {
    const table = await grouped();
    await warehouse.commit(
      transaction(table, [of("a", "x"), of("b", "c", "b"), of("c", "")], [], [of("a", "w")]),
    );
    assert.deepEqual(await found(table), ['a 2 "wx" 2', 'b 2 "bc" 2', 'c 1 "" ']);
    await warehouse.commit(transaction(table, [of("b", "a"), of("d", "d")]));
    assert.deepEqual(await found(table), ['a 2 "wx" 2', 'b 3 "abc" 3', 'c 1 "" ', 'd 1 "d" 1']);
  });

  await step("states are merged in the order in which they came", async () => {
    const table = await grouped();
    const rows = Array.from({ length: 1_100 }, (_, i) => of("a", i === 1_099 ? "z" : "a"));
    // Nothing may come after a z.
    await warehouse.commit(transaction(table, rows.slice(0, 95), rows.slice(95)));
    const [found] = await rowsOf(store, table, ["n", "size"]);
    assert.deepEqual(found, { n: "1100", size: "1100" });
  });

  await step("states of sessions that become one are merged by functions", async () => {
    const table = await sessions();
    const at = (start: number, end: number, ...states: string[]) => ({
      ...of("a", ...states),
      window_start: start,
      window_end: end,
    });
    await warehouse.commit(transaction(table, [at(0, 10_000, "c"), at(10_000, 20_000, "b"), at(1, 2, "d")]));
    assert.deepEqual(await found(table), ['a 2 "cd" 2', 'a 1 "b" 1']);
    await warehouse.commit(transaction(table, [at(9_000, 11_000, "a"), at(50_000, 60_000, "e")]));
    assert.deepEqual(await found(table), ['a 4 "abcd" 4', 'a 1 "e" 1']);
  });

  await step("many states go in several statements", async () => {
    const table = await grouped();
    const long = "x".repeat(60_000);
    const rows = Array.from({ length: 150 }, (_, i) => of(`k${i}`, long));
    await warehouse.commit(transaction(table, rows));
    await warehouse.commit(transaction(table, rows));
    const sizes = await rowsOf(store, table, ["size"]);
    assert.deepEqual([sizes.length, new Set(sizes.map(({ size }) => size))], [150, new Set(["120000"])]);
  });

  await step("rows that cannot be merged are refused, all of them, and nothing is written", async () => {
    const table = await grouped();
    const other = await grouped();
    await warehouse.commit(transaction(table, [of("a", "z"), of("b", "b")]));
    const refused: RefusedRows = await warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [
        { table: other, chunks: [chunk(other, [of("a", "a"), of("a", "!"), of("a", "z"), of("a", "b")])] },
        { table, chunks: [chunk(table, []), chunk(table, [of("b", "y"), of("a", "a")])] },
      ],
    }).then(() => assert.fail("it was written"), (error) => error);
    assert.ok(refused instanceof RefusedRows, String(refused));
    const place = ({ table, chunk, row }: { table: number; chunk: number; row: number }) =>
      table * 100 + chunk * 10 + row;
    assert.deepEqual(refused.refused.toSorted((a, b) => place(a) - place(b)), [
      { table: 0, chunk: 0, row: 1, reason: 'custom "size": there is a !' },
      { table: 0, chunk: 0, row: 3, reason: 'custom "size": there was a z' },
      { table: 1, chunk: 1, row: 1, reason: 'custom "size": there was a z' },
    ]);
    assert.deepEqual(await found(table), ['a 1 "z" 1', 'b 1 "b" 1']);
    assert.deepEqual(await found(other), []);
  });

  await step("a row that the database refuses is found beside states that functions merge", async () => {
    const table = await grouped();
    const rows = [of("a", "x"), { ...of("b", "y"), n: 2n ** 63n - 1n }, of("c", "z")];
    await warehouse.commit(transaction(table, [of("b", "b")]));
    const refused: RefusedRows = await warehouse.commit(transaction(table, rows))
      .then(() => assert.fail("it was written"), (error) => error);
    assert.ok(refused instanceof RefusedRows, String(refused));
    assert.deepEqual(refused.refused.map(({ row }) => row), [1]);
    assert.match(refused.refused[0]!.reason, /out of range/);
    await warehouse.commit(transaction(table, rows.filter((_, i) => i !== 1)));
    assert.deepEqual(await found(table), ['a 1 "x" 1', 'b 1 "b" 1', 'c 1 "z" 1']);
  });

  await step("a commit that is tried again after it was made changes no state", async () => {
    const table = await grouped();
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const once = { ...transaction(table, [of("a", "x")]), source, moves: [moved(0, 0, 1)] };
    await warehouse.commit(once);
    await assert.rejects(warehouse.commit(once), Fenced);
    assert.deepEqual(await found(table), ['a 1 "x" 1']);
  });

  await step("writers of the same states at once never wait in a circle, and lose nothing", async () => {
    const tables = [await grouped(), await sessions()];
    const source = newSource();
    await warehouse.claim(source, [0, 1, 2, 3], new Map(), () => 0);
    const random = new Seeded(3);
    const rounds = 6;
    await Promise.all([0, 1, 2, 3].map(async (partition) => {
      for (let round = 0; round < rounds; round++) {
        // Of some keys nobody has a row yet, and the keys of each writer have an order of their own.
        const ids = Array.from({ length: 100 }, (_, i) => `k${i + round * 20}`)
          .toSorted(() => random.fraction() - 0.5);
        const rows = ids.map((id) => {
          const window_start = random.integer(0, 20) * 400;
          return { ...of(id, "abcd"[partition]!), window_start, window_end: window_start + 500 };
        });
        const given = tables.map((table) => ({ table, chunks: [chunk(table, rows)] }));
        if (random.chance(0.5)) given.reverse();
        await warehouse.commit({ source, moves: [moved(partition, round, round + 1)], tables: given });
      }
    }));
    for (const table of tables) {
      const rows = await rowsOf(store, table, ["n", "size", "size_state"]);
      const total = (value: (row: Record<string, string | null>) => unknown) =>
        rows.reduce((sum, row) => sum + Number(value(row)), 0);
      assert.equal(total(({ n }) => n), 4 * rounds * 100);
      assert.equal(total(({ size }) => size), 4 * rounds * 100);
      for (const letter of "abcd") {
        assert.equal(total(({ size_state }) => size_state!.split(letter).length - 1), rounds * 100);
      }
    }
  });
}
