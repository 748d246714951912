import assert from "node:assert/strict";
import { packRecords } from "../../src/packed_records.ts";
import { IdlePartitions } from "../../src/runtime/idle_partitions.ts";
import { Lane, type OwnedPartition } from "../../src/runtime/lane.ts";
import type { Checkpoint, Warehouse } from "../../src/warehouse/mod.ts";
import type { IdleMark, Owner } from "../../src/warehouse/watermarks.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { slotOf } from "../support/slot.ts";

const start = freshCheckpoint();
const all = { records: Infinity, bytes: Infinity };

/** Two partitions, the log's ends, and a warehouse that answers as told. */
function fixture() {
  const time = { now: 0 };
  const raised: string[] = [];
  const worker = {
    wake: (_: string, partition: number, watermark: number) => raised.push(`${partition} to ${watermark}`),
  };
  const lane = new Lane(slotOf(worker), "p", all, () => time.now);
  lane.own(start);
  lane.own({ ...start, partition: 1 });
  const asked: string[] = [];
  const ends = [0, 0];
  const answers = {
    markIdle: (marks: readonly IdleMark[]) => Promise.resolve(marks.map(({ partition }) => partition)),
    wake: (owners: readonly Owner[]): Promise<Checkpoint[]> =>
      Promise.resolve(owners.map(({ partition }) => ({ ...start, partition, watermark: 5_000 }))),
  };
  const watermarks = {
    markIdle(_: unknown, marks: readonly IdleMark[]) {
      asked.push(`mark ${marks.map(({ partition, next }) => `${partition}@${next}`)}`);
      return answers.markIdle(marks);
    },
    wake(_: unknown, owners: readonly Owner[]) {
      asked.push(`wake ${owners.map(({ partition }) => partition)}`);
      return answers.wake(owners);
    },
  };
  const woken: Lane[] = [];
  const idle = new IdlePartitions({
    source: { group: "g", topic: "t" },
    warehouse: { watermarks } as unknown as Warehouse,
    lanes: [lane],
    offsets: () => ends.map((end, partition) => ({ partition, earliest: 0, end, committed: null })),
    idleAfter: 100,
    now: () => time.now,
    woken: (each) => woken.push(each),
  });
  const [first, second] = [...lane.partitions.values()] as [OwnedPartition, OwnedPartition];
  const push = (partition: OwnedPartition, next: number) =>
    lane.push(partition, {
      partition: partition.partition,
      from: partition.expected,
      next,
      records: packRecords([]),
    });
  return { time, lane, first, second, ends, asked, answers, raised, woken, idle, push };
}

Deno.test("a partition is idle when it is read to its end and nothing came for long", async () => {
  const { time, idle, asked, ends, first, second } = fixture();
  time.now = 99;
  await idle.look();
  assert.deepEqual(asked, []);
  time.now = 100;
  ends[1] = 3;
  await idle.look();
  assert.deepEqual([asked, first.checkpoint.idle, second.checkpoint.idle], [["mark 0@0"], true, false]);
  await idle.look();
  assert.deepEqual(asked, ["mark 0@0", "mark 0@0"], "the mark is renewed");
});

Deno.test("a partition with something on the way is not idle", async () => {
  const { time, idle, asked, ends, first, push } = fixture();
  ends[0] = 2;
  ends[1] = 9;
  push(first, 2);
  time.now = 1_000;
  await idle.look();
  assert.deepEqual(asked, []);
});

Deno.test("an idle partition gives no task before it was woken, and then goes on from its new checkpoint", async () => {
  const { time, idle, asked, ends, first, push, lane, raised, woken } = fixture();
  time.now = 100;
  ends[1] = 1;
  await idle.look();
  push(first, 2);
  assert.equal(lane.take(), undefined);
  await idle.look();
  assert.deepEqual(asked, ["mark 0@0", "wake 0"]);
  assert.deepEqual(raised, ["0 to 5000"]);
  assert.deepEqual(first.checkpoint, { ...start, watermark: 5_000 });
  assert.deepEqual(woken, [lane]);
  assert.equal(lane.take()!.task.slices[0]!.next, 2);
});

Deno.test("a mark that was not made, for another owner or position, leaves the partition flowing", async () => {
  const { time, idle, answers, first } = fixture();
  answers.markIdle = () => Promise.resolve([]);
  time.now = 100;
  await idle.look();
  assert.equal(first.checkpoint.idle, false);
});

Deno.test("a mark without an answer may have been made: the partition waits to be woken", async () => {
  const { time, idle, answers, first, push, lane } = fixture();
  answers.markIdle = () => Promise.reject(new Error("connection reset"));
  time.now = 100;
  await assert.rejects(idle.look());
  assert.equal(first.checkpoint.idle, true);
  push(first, 2);
  assert.equal(lane.take(), undefined);
});

Deno.test("a partition that starts over while it is woken is as the warehouse said then", async () => {
  const { time, idle, answers, first, push } = fixture();
  time.now = 100;
  await idle.look();
  push(first, 2);
  const restored = { ...start, next: 7, epoch: 2 };
  answers.wake = (owners) => {
    first.restore(restored);
    return Promise.resolve(owners.map(() => start));
  };
  await idle.look();
  assert.equal(first.checkpoint, restored);
});
