/** The part of the warehouse's contract that closes windows. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { SourceName, Warehouse } from "../../src/warehouse/mod.ts";
import type { Closing } from "../../src/warehouse/watermarks.ts";
import {
  chunk,
  moved,
  newSource,
  newTable,
  rowsOf,
  type Step,
  type WarehouseStore,
} from "./warehouse_fixture.ts";

export async function watermarkPart(store: WarehouseStore, warehouse: Warehouse, step: Step): Promise<void> {
  const { watermarks } = warehouse;
  const close = async (source: SourceName, closings: readonly Closing[]) => {
    const closed = await watermarks.close(source, closings);
    assert.ok(closed !== "unprepared");
    return closed;
  };
  const move = (source: SourceName, partition: number, from: number, watermark: number | null) =>
    warehouse.commit({ source, moves: [{ ...moved(partition, from, from + 1), watermark }], tables: [] });
  const twoPartitions = async () => {
    const source = newSource();
    await warehouse.claim(source, [0, 1], new Map(), () => 0);
    return source;
  };
  const idle = (partition: number, next: number, epoch = 1) => ({ partition, epoch, next });

  await step(
    "a source's watermark is the smallest of its partitions, and is not there before all have one",
    async () => {
      const source = await twoPartitions();
      assert.equal(await watermarks.close(source, []), undefined);
      await move(source, 0, 0, 5_000);
      assert.equal(await watermarks.close(source, []), undefined);
      assert.equal(await watermarks.read(source), null);
      await move(source, 1, 0, 3_000);
      assert.deepEqual(await watermarks.close(source, []), { watermark: 3_000, windows: [] });
      assert.equal(await watermarks.close(source, []), undefined);
      await move(source, 1, 1, 9_000);
      assert.deepEqual(await watermarks.close(source, []), { watermark: 5_000, windows: [] });
      assert.equal(await watermarks.read(source), 5_000);
    },
  );

  await step("a partition that is forgotten holds nothing back, and has no states left", async () => {
    const source = await twoPartitions();
    await move(source, 0, 0, 5_000);
    const { group, topic } = source;
    await store.query(
      `insert into weir.state select '${group}', '${topic}', p, 'o', 'k', '1', 0, 0 from generate_series(0, 1) as p`,
    );
    assert.equal(await watermarks.close(source, []), undefined);
    await warehouse.resets.make(source, { id: "r", partitions: [], topics: [], gone: [1] });
    assert.equal((await close(source, []))?.watermark, 5_000);
    assert.deepEqual((await warehouse.positions(source)).map(({ partition }) => partition), [0]);
    const states = await Promise.all([0, 1].map((each) => Array.fromAsync(warehouse.states(source, each))));
    assert.deepEqual(states.map((pages) => pages.map((page) => JSON.parse(page))), [
      [[["o", "k", "1", 0, 0]]],
      [],
    ]);
  });

  await step(
    "idle partitions hold nothing back; when all are idle, the largest watermark counts",
    async () => {
      const source = await twoPartitions();
      await move(source, 0, 0, 5_000);
      assert.deepEqual(await watermarks.markIdle(source, [idle(1, 0)]), [1]);
      assert.equal((await close(source, []))?.watermark, 5_000);
      assert.deepEqual((await warehouse.positions(source)).map((each) => each.idle), [false, true]);
      const other = await twoPartitions();
      await move(other, 0, 0, 5_000);
      await move(other, 1, 0, 7_000);
      await watermarks.markIdle(other, [idle(1, 1), idle(0, 1)]);
      assert.equal((await close(other, []))?.watermark, 7_000);
    },
  );

  await step("a mark of another owner, or of another position, is not made", async () => {
    const source = await twoPartitions();
    await move(source, 0, 0, 5_000);
    assert.deepEqual(await watermarks.markIdle(source, [idle(0, 0), idle(1, 0, 2)]), []);
    assert.deepEqual((await warehouse.positions(source)).map((each) => each.idle), [false, false]);
  });

  await step("a mark that its owner does not renew holds the watermark again", async () => {
    const source = await twoPartitions();
    await move(source, 0, 0, 5_000);
    await watermarks.markIdle(source, [idle(1, 0)]);
    await store.query(
      `update weir.positions set idle_at = now() - interval '1 minute' where topic = '${source.topic}' and partition = 1`,
    );
    assert.equal(await watermarks.close(source, []), undefined);
    await watermarks.markIdle(source, [idle(1, 0)]);
    assert.equal((await close(source, []))?.watermark, 5_000);
  });

  await step(
    "an idle partition makes no move before it was woken, and then starts at the source's watermark",
    async () => {
      const source = await twoPartitions();
      await move(source, 0, 0, 5_000);
      await watermarks.markIdle(source, [idle(1, 0)]);
      await watermarks.close(source, []);
      await assert.rejects(move(source, 1, 0, 100), (error: Error) => {
        assert.ok(error instanceof Fenced);
        assert.match(error.message, /holds offset 0 of epoch 1, idle/);
        return true;
      });
      assert.deepEqual(await watermarks.wake(source, [{ partition: 1, epoch: 2 }]), []);
      const [awake] = await watermarks.wake(source, [{ partition: 1, epoch: 1 }]);
      assert.deepEqual([awake!.watermark, awake!.idle, awake!.next], [5_000, false, 0]);
      await move(source, 1, 0, 5_500);
      const [again] = await watermarks.wake(source, [{ partition: 1, epoch: 1 }]);
      assert.equal(again!.watermark, 5_500);
    },
  );

  await step("a partition that comes later starts at the source's watermark", async () => {
    const source = await twoPartitions();
    await move(source, 0, 0, 5_000);
    await move(source, 1, 0, 6_000);
    await watermarks.close(source, []);
    const claimed = await warehouse.claim(source, [0, 1, 2], new Map([[0, 1], [1, 1]]), () => 0);
    assert.deepEqual(claimed.map((each) => each.watermark), [5_000, 6_000, 5_000]);
  });

  await step(
    "closing takes windows out of the accumulators and writes their results, each once",
    async () => {
      const source = newSource();
      await warehouse.claim(source, [0], new Map(), () => 0);
      const bounds = { window_start: ["timestamp", "keep"], window_end: ["timestamp", "keep"] } as const;
      const accumulators = await newTable(warehouse, {
        columns: {
          ...bounds,
          id: ["text", "keep"],
          mean_sum: ["double", "sum"],
          mean_count: ["bigint", "sum"],
        },
        key: ["window_start", "id"],
        computed: [{ name: "mean", expression: "mean_sum / mean_count", of: () => undefined }],
      });
      const results = await newTable(warehouse, {
        columns: { ...bounds, id: ["text", "keep"], mean: ["double", "replace"] },
        key: ["window_start", "id"],
      });
      const row = (window_start: number, id: string, mean_sum: number) => ({
        window_start,
        window_end: window_start + 1_000,
        id,
        mean_sum,
        mean_count: 2,
      });
      const rows = [row(0, "b", 4), row(0, "a", 3), row(1_000, "a", 5), row(-1_000, "a", 1)];
      await warehouse.commit({
        source,
        moves: [{ ...moved(0, 0, 1), watermark: 1_000 }],
        tables: [{ table: accumulators, chunks: [chunk(accumulators, rows)] }],
      });
      const closings = [{ accumulators, results }];
      // Several at once: one of them does it.
      const closed = await Promise.all([1, 2, 3].map(() => watermarks.close(source, closings)));
      assert.deepEqual(closed.filter((each) => each !== undefined), [{ watermark: 1_000, windows: [3] }]);
      const found = (await rowsOf(store, results)).map(({ id, mean }) => `${id} ${mean}`);
      assert.deepEqual(found, ["a 0.5", "a 1.5", "b 2"]);
      assert.deepEqual((await rowsOf(store, accumulators)).map(({ mean_sum }) => mean_sum), ["5"]);
      await move(source, 0, 1, 1_999.5);
      assert.deepEqual((await close(source, closings))?.windows, [0]);
      await move(source, 0, 2, 2_000);
      assert.deepEqual((await close(source, closings))?.windows, [1]);
      assert.deepEqual(await rowsOf(store, accumulators), []);
    },
  );

  await step("nothing is closed by one who does not know a table that is there by now", async () => {
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const table = await newTable(warehouse, {});
    const absent = { schema: "public", table: "nowhere" };
    await move(source, 0, 0, 1_000);
    assert.equal(await watermarks.close(source, [], [absent, table]), "unprepared");
    assert.equal(await watermarks.read(source), null);
    assert.deepEqual(await watermarks.close(source, [], [absent]), { watermark: 1_000, windows: [] });
  });

  await step("a watermark before all calendars closes nothing and breaks nothing", async () => {
    const source = newSource();
    await warehouse.claim(source, [0], new Map(), () => 0);
    const table = await newTable(warehouse, {
      columns: {
        window_start: ["timestamp", "keep"],
        window_end: ["timestamp", "keep"],
        n: ["bigint", "sum"],
      },
      key: ["window_start"],
    });
    await move(source, 0, 0, -1e300);
    const closed = await watermarks.close(source, [{ accumulators: table, results: table }]);
    assert.deepEqual(closed, { watermark: -1e300, windows: [0] });
  });
}
