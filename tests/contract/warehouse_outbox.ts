/** The part of the warehouse's contract that hands results on. */
import assert from "node:assert/strict";
import type { Warehouse, WarehouseTable } from "../../src/warehouse/mod.ts";
import { passingTable } from "../../src/runtime/passing.ts";
import { uniqueName } from "../support/env.ts";
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

export async function outboxPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  const { outbox } = warehouse;
  const columns = [
    { name: "id", type: "text", optional: false },
    { name: "n", type: "bigint", optional: false },
  ] as const;
  const newStream = async (): Promise<{ stream: string; table: WarehouseTable }> => {
    const stream = uniqueName("stream");
    await outbox.create(stream);
    await outbox.create(stream);
    const table = await newTable(
      warehouse,
      { columns: { id: ["text", "keep"], n: ["bigint", "sum"] } },
      { outbox: { stream, columns } },
    );
    return { stream, table };
  };
  const write = (table: WarehouseTable, ...ids: string[]) =>
    warehouse.commit({
      source: newSource(),
      moves: [],
      tables: [{ table, chunks: [chunk(table, ids.map((id) => ({ id, n: 1 })))] }],
    });

  await step(
    "every row that is written or changed goes to the stream as it is then, numbered in order",
    async () => {
      const { stream, table } = await newStream();
      await write(table, "b", "a", "a");
      await write(table, "a");
      const rows = await outbox.read(stream, 0, 10);
      assert.deepEqual(rows.map(({ result }) => result), [
        { id: "a", n: "2" },
        { id: "b", n: "1" },
        { id: "a", n: "3" },
      ]);
      const [first, second, third] = rows.map(({ sequence }) => sequence) as [number, number, number];
      assert.ok(0 < first && first < second && second < third);
      assert.deepEqual(await outbox.read(stream, first, 1), [rows[1]]);
      const { waiting, last } = await outbox.hold(stream, "x");
      assert.deepEqual([waiting, last], [3, third]);
      await outbox.delivered(stream, second);
      assert.deepEqual(await outbox.read(stream, 0, 10), [rows[2]]);
      assert.equal((await outbox.hold(stream, "x")).waiting, 1);
      await outbox.delivered(stream, third);
      await outbox.delivered(stream, third);
      const { createdAt: _, ...held } = await outbox.hold(stream, "x");
      assert.deepEqual(held, { held: true, waiting: 0, last: third });
      await write(table, "c");
      const [fourth] = await outbox.read(stream, 0, 10);
      assert.ok(fourth!.sequence > third);
    },
  );

  await step("a stream that is gone is made anew by the next rows, and another one by its time", async () => {
    const { stream, table } = await newStream();
    const { createdAt } = await outbox.hold(stream, "x");
    await store.query(`delete from weir.outbox_streams where stream = '${stream}'`);
    assert.equal((await outbox.hold(stream, "x")).held, false);
    await write(table, "a");
    const held = await outbox.hold(stream, "x");
    assert.ok(held.held && held.waiting === 1 && held.createdAt > createdAt);
    assert.deepEqual((await outbox.read(stream, 0, 10)).map(({ result }) => result), [{ id: "a", n: "1" }]);
  });

  await step(
    "numbers follow the clock: an outbox that is put back gives out none that it gave out before",
    async () => {
      const { stream, table } = await newStream();
      await write(table, "a");
      const streams = `from weir.outbox_streams where stream = '${stream}'`;
      const [backup] = await store.query(`select last_sequence, waiting ${streams}`);
      await write(table, "b", "c", "d");
      const before = (await outbox.read(stream, 0, 10)).map(({ sequence }) => sequence);
      await store.query(
        `update weir.outbox_streams set last_sequence = ${backup!.last_sequence}, waiting = ${backup!.waiting}
         where stream = '${stream}'`,
      );
      await store.query(`delete from weir.outbox where stream = '${stream}' and sequence > ${before[0]}`);
      await write(table, "e", "f", "g", "h");
      const after = (await outbox.read(stream, before[0]!, 10)).map(({ sequence }) => sequence);
      assert.equal(after.length, 4);
      assert.ok(after.every((sequence) => sequence > before.at(-1)!), `${after} after ${before}`);
      assert.equal((await outbox.hold(stream, "x")).waiting, 5);
      assert.equal(await outbox.waiting(stream), 5);
      assert.equal(await outbox.waiting(uniqueName("nowhere")), 0);
    },
  );

  await step(
    "numbers go on though the clock was set back",
    async () => {
      const { stream, table } = await newStream();
      await write(table, "a");
      await store.query(
        `update weir.outbox_streams set created_at = now() + interval '1 hour' where stream = '${stream}'`,
      );
      await write(table, "b", "c");
      const [a, b, c] = (await outbox.read(stream, 0, 10)).map(({ sequence }) => sequence);
      assert.deepEqual([b, c], [a! + 1, a! + 2]);
    },
  );

  await step("records that pass through are kept in no table, and come out whole and in order", async () => {
    const stream = uniqueName("stream");
    await outbox.create(stream);
    const table = passingTable(stream);
    const record = (value: string, key: string | null = null) => ({
      key: key === null ? null : new TextEncoder().encode(key),
      value: new TextEncoder().encode(value),
      timestamp: 1.7e12 + 0.5,
      event_time: 1.7e12,
    });
    const write = (...records: object[]) =>
      warehouse.commit({
        source: newSource(),
        moves: [],
        tables: [{ table, chunks: [chunk(table, records as Row[])] }],
      });
    await write(record("z", "k"), record("a\\\t\n\0"), record(""));
    const many = Array.from({ length: 200 }, (_, i) => record(`${999 - i}`));
    await write(...many);
    const rows = await outbox.read(stream, 0, 1_000);
    assert.equal(rows.length, 203);
    assert.ok(rows.every(({ sequence }, i) => i === 0 || sequence > rows[i - 1]!.sequence));
    assert.deepEqual(rows[0]!.result, {
      key: "6b",
      value: "7a",
      timestamp: "1700000000000.5",
      event_time: "1700000000000",
    });
    const values = rows.map(({ result }) => new TextDecoder().decode(Uint8Array.fromHex(`${result.value}`)));
    assert.deepEqual(values.slice(0, 5), ["z", "a\\\t\n\0", "", "999", "998"]);
    assert.equal(values.at(-1), "800");
  });

  await step("a stream has one holder, until it releases it or is not heard of for long", async () => {
    const { stream } = await newStream();
    const held = async (holder: string) => (await outbox.hold(stream, holder)).held;
    assert.deepEqual([await held("a"), await held("b"), await held("a")], [true, false, true]);
    await outbox.release(stream, "b");
    assert.equal(await held("b"), false);
    await outbox.release(stream, "a");
    assert.deepEqual([await held("b"), await held("a")], [true, false]);
    await store.query(
      `update weir.outbox_streams set held_until = now() - interval '1 second' where stream = '${stream}'`,
    );
    assert.deepEqual([await held("a"), await held("b")], [true, false]);
    const { createdAt } = await outbox.hold(stream, "a");
    assert.equal((await outbox.hold(stream, "b")).createdAt, createdAt);
    assert.equal((await outbox.hold(uniqueName("nowhere"), "a")).held, false);
  });

  await step("writers at once get numbers in turn, and a commit that is fenced leaves nothing", async () => {
    const { stream, table } = await newStream();
    const source = newSource();
    await warehouse.claim(source, [0, 1, 2], new Map(), () => 0);
    await Promise.all([0, 1, 2].map(async (partition) => {
      for (let round = 0; round < 5; round++) {
        const rows = [{ table, chunks: [chunk(table, ["a", "b", "c"].map((id) => ({ id, n: 1 })))] }];
        await warehouse.commit({ source, moves: [moved(partition, round, round + 1)], tables: rows });
        await assert.rejects(
          warehouse.commit({ source, moves: [moved(partition, round, round + 1)], tables: rows }),
        );
      }
    }));
    const rows = await outbox.read(stream, 0, 100);
    assert.equal(rows.length, 45);
    assert.equal((await outbox.hold(stream, "x")).waiting, 45);
    assert.deepEqual(
      rows.filter(({ result }) => result.id === "b").map(({ result }) => Number(result.n)),
      Array.from({ length: 15 }, (_, i) => i + 1),
    );
  });

  await step(
    "closed windows go to a stream in the order of their ends, and values keep their types",
    async () => {
      const stream = uniqueName("stream");
      await outbox.create(stream);
      const accumulators = await newTable(warehouse, {
        columns: {
          window_start: ["timestamp", "keep"],
          window_end: ["timestamp", "keep"],
          id: ["text", "keep"],
          n: ["bigint", "sum"],
          x: ["double", "max"],
          yes: ["boolean", "keep"],
        },
        key: ["window_start", "id"],
      }, { closes: true });
      const source = newSource();
      await warehouse.claim(source, [0], new Map(), () => 0);
      const row = (start: number, id: string, n: bigint, x: number) => (
        { window_start: start, window_end: start + 1_000, id, n, x, yes: true }
      );
      const rows = [row(1_000, "a", 1n, 0.1), row(0, "z", 2n ** 62n, Infinity), row(5_000, "b", 1n, 1)];
      await warehouse.commit({
        source,
        moves: [{ ...moved(0, 0, 1), watermark: 2_000 }],
        tables: [{ table: accumulators, chunks: [chunk(accumulators, rows)] }],
      });
      const target = { stream, columns: accumulators.columns };
      const closed = await warehouse.watermarks.close(source, [{ accumulators, results: target }]);
      assert.deepEqual(closed, { watermark: 2_000, windows: [2] });
      assert.deepEqual((await outbox.read(stream, 0, 10)).map(({ result }) => result), [
        { window_start: 0, window_end: 1_000, id: "z", n: String(2n ** 62n), x: "Infinity", yes: true },
        { window_start: 1_000, window_end: 2_000, id: "a", n: "1", x: "0.1", yes: true },
      ]);
      assert.equal((await rowsOf(store, accumulators)).length, 1);
      await warehouse.commit({ source, moves: [{ ...moved(0, 1, 2), watermark: 9_000 }], tables: [] });
      assert.deepEqual(await warehouse.watermarks.close(source, [{ accumulators, results: undefined }]), {
        watermark: 9_000,
        windows: [1],
      });
      assert.deepEqual(await rowsOf(store, accumulators), []);
    },
  );
}
