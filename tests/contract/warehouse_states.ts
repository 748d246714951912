/** The part of the warehouse's contract suite about the states that operators keep. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { CopyChunk, SourceName, Warehouse } from "../../src/warehouse/mod.ts";
import { stateTable } from "../../src/warehouse/state_table.ts";
import { Seeded } from "../support/seeded.ts";
import { chunk, fresh, moved, newSource, type Step } from "./warehouse_fixture.ts";

interface State {
  readonly partition?: number;
  readonly operator?: string;
  readonly key: string;
  /** Null: removed. */
  readonly value: string | null;
  readonly touched?: number;
  readonly turn?: number;
}

type StoredRow = readonly [operator: string, key: string, value: string, touched: number, turn: number];

function changes({ group, topic }: SourceName, states: readonly State[]): CopyChunk {
  const defaults = { group_id: group, topic, partition: 0, operator: "op", touched: 0, turn: 0 };
  return chunk(stateTable, states.map((state) => ({ ...defaults, ...state })));
}

async function statesOf(warehouse: Warehouse, source: SourceName, partition = 0): Promise<StoredRow[]> {
  const pages = await Array.fromAsync(warehouse.states(source, partition));
  return pages.flatMap((page) => JSON.parse(page) as StoredRow[]);
}

export async function statePart(warehouse: Warehouse, step: Step): Promise<void> {
  const claimed = async (...partitions: number[]) => {
    const source = newSource("a 'quoted' \\group\\");
    await warehouse.claim(source, partitions, new Map(), () => 0);
    return source;
  };

  await step(
    "states come with the move, change, go, and are their partition's and operator's own",
    async () => {
      const source = await claimed(0, 1);
      await warehouse.commit({
        source,
        moves: [moved(0, 0, 5), moved(1, 0, 5)],
        tables: [],
        states: [
          changes(source, [
            { key: '"b"', value: "1", touched: 1.5, turn: 7 },
            { key: '"a"', value: "2", touched: Date.UTC(9999, 0), turn: 8 },
            { key: '"a"', value: "3", operator: "other" },
            { key: '"a"', value: "4", partition: 1 },
          ]),
        ],
      });
      assert.deepEqual(await statesOf(warehouse, source), [
        ["op", '"a"', "2", Date.UTC(9999, 0), 8],
        ["op", '"b"', "1", 1.5, 7],
        ["other", '"a"', "3", 0, 0],
      ]);
      assert.deepEqual(await statesOf(warehouse, source, 1), [["op", '"a"', "4", 0, 0]]);
      assert.deepEqual(await statesOf(warehouse, source, 2), []);
      assert.deepEqual(await statesOf(warehouse, { ...source, group: "another" }), []);
      await warehouse.commit({
        source,
        moves: [moved(0, 5, 6)],
        tables: [],
        states: [
          changes(source, [{ key: '"b"', value: null }, { key: '"c"', value: "8" }, {
            key: '"d"',
            value: null,
          }]),
          changes(source, [{ key: '"c"', value: "9" }, { key: '"a"', value: null, operator: "other" }]),
        ],
      });
      assert.deepEqual(
        (await statesOf(warehouse, source)).map(([operator, key, value]) => [operator, key, value]),
        [
          ["op", '"a"', "2"],
          ["op", '"c"', "9"],
        ],
      );
      assert.equal((await statesOf(warehouse, source, 1)).length, 1, "another partition's stay");
    },
  );

  await step("a commit that is fenced changes no state", async () => {
    const source = await claimed(0);
    const states = [changes(source, [{ key: "1", value: "1" }])];
    await warehouse.commit({ source, moves: [moved(0, 0, 1)], tables: [], states });
    const late = [changes(source, [{ key: "1", value: null }, { key: "2", value: "2" }])];
    await assert.rejects(
      warehouse.commit({ source, moves: [moved(0, 0, 2)], tables: [], states: late }),
      Fenced,
    );
    const [checkpoint] = await warehouse.claim(source, [0], new Map(), () => 0);
    assert.deepEqual({ ...checkpoint, epoch: 1 }, fresh(0, 1));
    assert.deepEqual(await statesOf(warehouse, source), [["op", "1", "1", 0, 0]]);
  });

  await step("many states, large ones and any text come back as they were, page by page", async () => {
    const source = await claimed(0);
    const random = new Seeded(4);
    const states = Array.from({ length: 6_000 }, (_, i) => ({
      key: JSON.stringify(`${i % 3 === 0 ? random.text(8) : ""}${i}`),
      value: JSON.stringify(i % 100 === 0 ? "x".repeat(60_000) : random.text(20)),
      touched: random.fraction(),
      turn: i,
    }));
    await warehouse.commit({
      source,
      moves: [moved(0, 0, 1)],
      tables: [],
      states: [changes(source, states.slice(0, 3_500)), changes(source, states.slice(3_500))],
    });
    const pages = await Array.fromAsync(warehouse.states(source, 0));
    assert.ok(pages.length >= 3, `only ${pages.length} pages`);
    assert.ok(pages.every((page) => page.length < 3_000_000), "a page is bounded by what its states hold");
    const read = pages.flatMap((page) => JSON.parse(page) as StoredRow[]).sort((a, b) => a[4] - b[4]);
    assert.equal(read.length, states.length);
    for (const [i, [, key, value, touched]] of read.entries()) {
      assert.deepEqual({ key, value, touched }, {
        key: states[i]!.key,
        value: states[i]!.value,
        touched: states[i]!.touched,
      });
    }
    await warehouse.commit({
      source,
      moves: [moved(0, 1, 2)],
      tables: [],
      states: [changes(source, states.map(({ key }) => ({ key, value: null })))],
    });
    assert.deepEqual(await Array.fromAsync(warehouse.states(source, 0)), []);
  });
}
