/** The part of the warehouse's contract that sets positions anew. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { SourceName, Warehouse } from "../../src/warehouse/mod.ts";
import type { PartitionReset, Reset } from "../../src/warehouse/resets.ts";
import { fresh, newSource, type Step } from "./warehouse_fixture.ts";

function to(partition: number, next: number, epoch: number | null, exactly = false): PartitionReset {
  return { partition, epoch, next, exactly };
}

function reset(id: string, partitions: readonly PartitionReset[], topics: readonly string[] = []): Reset {
  return { id, partitions, topics, gone: [] };
}

export async function resetPart(warehouse: Warehouse, step: Step): Promise<void> {
  const { resets } = warehouse;
  const positions = async (source: SourceName) =>
    (await warehouse.positions(source)).map(({ partition, epoch, next }) => [partition, epoch, next]);

  await step("a reset sets positions, fences their owners, and leaves all others alone", async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1, 2], new Map(), () => 9);
    await resets.make(source, reset("r", [to(1, 60, 1), to(3, 8, null)]));
    assert.deepEqual(await positions(source), [[0, 1, 9], [1, 2, 60], [2, 1, 9], [3, 0, 8]]);
    const minute = 60e6;
    assert.deepEqual(
      (await warehouse.positions(source)).map(({ writeTime }) =>
        Math.abs(writeTime - Date.now() * 1_000) < minute
      ),
      [false, true, false, false],
    );
    await assert.rejects(
      warehouse.commit({ source, moves: [{ ...fresh(1, 70), from: 9 }], tables: [] }),
      Fenced,
      "the owner before does not know of it",
    );
  });

  await step("a reset is refused as a whole where it meets another owner, a position or none", async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1], new Map(), () => 9);
    for (const other of [to(1, 5, 2), to(1, 5, null), to(4, 5, 1)]) {
      await assert.rejects(
        resets.make(source, { ...reset("r", [to(0, 5, 1), other], ["out"]), gone: [0] }),
        Fenced,
      );
    }
    assert.deepEqual(await positions(source), [[0, 1, 9], [1, 1, 9]]);
    assert.deepEqual(await resets.last(source), []);
  });

  await step(
    "a reset's cursors are left to be set until it is finished, however often it is claimed",
    async () => {
      const source = newSource();
      const last = () => resets.last(source);
      await warehouse.claim(source, [0, 1, 2], new Map(), () => 9);
      const topics = ["out", `a "quoted" 'topic', {with} \\more\\`];
      await resets.make(source, reset("first", [to(1, 5, 1, true), to(0, 3, 1)], topics));
      const zero = { partition: 0, id: "first", next: 3, exactly: false };
      const one = { partition: 1, id: "first", next: 5, exactly: true };
      assert.deepEqual(await last(), [{ ...zero, topics }, { ...one, topics }]);
      await warehouse.claim(source, [0, 1, 2], new Map(), () => 0);
      const move = { ...fresh(0, 4), epoch: 3, from: 3 };
      await warehouse.commit({ source, moves: [move], tables: [] });
      assert.deepEqual(await last(), [{ ...zero, topics }, { ...one, topics }]);

      await resets.finish(source, "first", [0, 2]);
      await resets.finish(source, "another", [1]);
      await resets.finish({ ...source, group: "nobody's" }, "first", [1]);
      assert.deepEqual(await last(), [{ ...zero, topics: [] }, { ...one, topics }]);
      await resets.finish(source, "first", [0, 1]);
      await resets.make(source, reset("second", [to(1, 7, 3)], ["out"]));
      await resets.finish(source, "first", [1]);
      assert.deepEqual(await last(), [
        { ...zero, topics: [] },
        { partition: 1, id: "second", next: 7, exactly: false, topics: ["out"] },
      ]);
      assert.deepEqual(await positions(source), [[0, 3, 4], [1, 4, 7], [2, 2, 9]]);
    },
  );

  await step("of resets that are made at once on one partition, one is", async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1], new Map(), () => 9);
    const ids = ["a", "b", "c", "d", "e", "f"];
    const made = await Promise.allSettled(
      ids.map((id, next) => resets.make(source, reset(id, [to(1, next, 1), to(0, next, 1)], ["out"]))),
    );
    const winner = made.findIndex(({ status }) => status === "fulfilled");
    for (const [i, each] of made.entries()) {
      if (i !== winner) assert.ok(each.status === "rejected" && each.reason instanceof Fenced);
    }
    assert.deepEqual((await resets.last(source)).map(({ id, next }) => [id, next]), [
      [ids[winner], winner],
      [ids[winner], winner],
    ]);
  });

  await step("a reset forgets partitions that are gone, with what they had", async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1, 2], new Map(), () => 9);
    await resets.make(source, reset("first", [to(2, 5, 1)], ["out"]));
    await resets.make(source, { ...reset("second", [to(0, 3, 1)]), gone: [1, 2, 7] });
    assert.deepEqual(await positions(source), [[0, 2, 3]]);
    assert.deepEqual((await resets.last(source)).map(({ partition, id }) => [partition, id]), [[
      0,
      "second",
    ]]);
  });
}
