/** Which partitions a process owns, and where they go on, while other processes do something at the same time. */
import assert from "node:assert/strict";
import { json, kafka, map, pipeline, postgresTable } from "weir";
import { OffsetOutOfRange } from "../../src/errors.ts";
import type { LogConsumer } from "../../src/log/mod.ts";
import { Assignment } from "../../src/runtime/assignment.ts";
import { Lane } from "../../src/runtime/lane.ts";
import type { WorkerSlot } from "../../src/runtime/worker_pool.ts";
import type { Checkpoint, Warehouse } from "../../src/warehouse/mod.ts";

const plan = pipeline("p", {
  source: kafka("t", { group: "g", codec: json("string") }),
  outputs: (stream) => [
    stream.pipe(map((id) => ({ id }))).to(postgresTable("texts", { columns: { id: "text" }, key: ["id"] })),
  ],
});

/** An assignment of one lane. The log has one partition, whose end goes up from one answer to the next. */
function assignmentOf(held: Checkpoint, ends: number[]): Assignment {
  const slot = { id: 0, worker: { assign() {} }, starting: false } as unknown as WorkerSlot;
  const warehouse: Pick<Warehouse, "positions" | "claim"> = {
    positions: () => Promise.resolve([held]),
    claim: () => Promise.resolve([{ ...held, epoch: held.epoch + 1 }]),
  };
  const failed = (error: unknown) => assert.fail(String(error));
  return new Assignment({
    plan,
    source: { group: "g", topic: "t" },
    lanes: [new Lane(slot, "p", { records: 10, bytes: 1_000 }, () => 0)],
    warehouse: warehouse as Warehouse,
    consumer: {} as LogConsumer,
    offsets: () => Promise.resolve([{ partition: 0, earliest: 0, end: ends.shift()!, committed: null }]),
    offsetsAt: () => Promise.resolve(new Map()),
    now: () => 0,
    publishers: () => Promise.resolve(new Map()),
    signal: new AbortController().signal,
    failed,
  });
}

const held = { partition: 0, epoch: 1, next: 8, writeTime: 0, eventTime: null, watermark: null, idle: false };

Deno.test("a partition whose owner went on while it was taken is not taken for truncated", async () => {
  const assignment = assignmentOf(held, [5, 10]);
  assert.deepEqual(await assignment.take([0]), new Map([[0, 8]]));
});

Deno.test("a partition that ends before its position is", async () => {
  await assert.rejects(assignmentOf(held, [5, 5]).take([0]), (error: Error) => {
    assert.ok(error instanceof OffsetOutOfRange);
    assert.match(error.message, /partition 0 of t at offset 8: the partition ends at 5/);
    return true;
  });
});
