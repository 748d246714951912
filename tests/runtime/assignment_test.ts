/** Which partitions a process owns, and where they go on, while other processes do something at the same time. */
import assert from "node:assert/strict";
import { json, kafka, map, mapWithState, pipeline, postgresTable } from "weir";
import { OffsetOutOfRange, TopicRecreated } from "../../src/errors.ts";
import type { LogConsumer } from "../../src/log/mod.ts";
import { Assignment, type AssignmentOptions } from "../../src/runtime/assignment.ts";
import { Lane } from "../../src/runtime/lane.ts";
import type { PartitionPublisher } from "../../src/runtime/partition_publisher.ts";
import type { WorkerSlot } from "../../src/runtime/worker_pool.ts";
import type { Checkpoint, Warehouse } from "../../src/warehouse/mod.ts";

const plan = pipeline("p", {
  source: kafka("t", { group: "g", codec: json("string") }),
  outputs: (stream) => [
    stream.pipe(map((id) => ({ id }))).to(postgresTable("texts", { columns: { id: "text" }, key: ["id"] })),
  ],
});

/** An assignment of one lane. The log has one partition, whose end goes up from one answer to the next. */
function assignmentOf(
  held: Checkpoint,
  ends: number[],
  other: Partial<AssignmentOptions> = {},
): Assignment {
  const slot = { id: 0, worker: { assign() {} }, starting: false } as unknown as WorkerSlot;
  const warehouse: Pick<Warehouse, "positions" | "claim" | "topicIds"> = {
    positions: () => Promise.resolve([held]),
    topicIds: () => Promise.resolve(new Map([[0, "one"]])),
    claim: () => Promise.resolve([{ ...held, epoch: held.epoch + 1 }]),
  };
  const failed = (error: unknown) => assert.fail(String(error));
  return new Assignment({
    plan,
    source: { group: "g", topic: "t" },
    lanes: [new Lane(slot, "p", { records: 10, bytes: 1_000 }, () => 0)],
    warehouse: warehouse as Warehouse,
    consumer: {} as LogConsumer,
    topicId: () => Promise.resolve("one"),
    offsets: () => Promise.resolve([{ partition: 0, earliest: 0, end: ends.shift()!, committed: null }]),
    offsetsAt: () => Promise.resolve(new Map()),
    now: () => 0,
    publishers: () => Promise.resolve(new Map()),
    lost: () => {},
    signal: new AbortController().signal,
    failed,
    ...other,
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

/** An assignment of partition 0, and what log and warehouse say about the topic: all of it the test's to change. */
function assignmentIn(topic: { id: string | undefined; held: Map<number, string> }) {
  const claimed: unknown[] = [];
  const warehouse: Pick<Warehouse, "positions" | "claim" | "topicIds"> = {
    positions: () => Promise.resolve([held]),
    claim: (...args) => {
      claimed.push(args.at(-1));
      return Promise.resolve([{ ...held, epoch: held.epoch + 1 }]);
    },
    topicIds: () => Promise.resolve(topic.held),
  };
  const assignment = assignmentOf(held, [], {
    warehouse: warehouse as Warehouse,
    topicId: () => Promise.resolve(topic.id),
    offsets: () => Promise.resolve([{ partition: 0, earliest: 0, end: 100, committed: null }]),
  });
  return { assignment, claimed };
}

function recreated(error: unknown): boolean {
  assert.ok(error instanceof TopicRecreated && error instanceof OffsetOutOfRange, `${error}`);
  assert.match(
    error.message,
    /partition 0 of t at offset 8: the topic was deleted and made anew; .* id one, .* id two; .* weir offsets reset p --to earliest$/,
  );
  return true;
}

Deno.test("a position in a topic that was made anew is not gone on from, however far the new one goes", async () => {
  const { assignment } = assignmentIn({ id: "two", held: new Map([[0, "one"]]) });
  await assert.rejects(assignment.take([0]), recreated);
});

Deno.test("a topic that is made anew under a process is noticed when it looks", async () => {
  const topic = { id: "one", held: new Map([[0, "one"]]) };
  const { assignment } = assignmentIn(topic);
  await assignment.take([0]);
  await assignment.checkRanges();
  topic.id = "two";
  await assert.rejects(assignment.checkRanges(), recreated);
});

Deno.test("positions that were set in the new topic meanwhile are gone on from", async () => {
  const topic = { id: "one", held: new Map([[0, "one"]]) };
  const { assignment } = assignmentIn(topic);
  await assignment.take([0]);
  topic.id = "two";
  topic.held.set(0, "two");
  await assignment.checkRanges();
  await assignment.take([0]);
});

Deno.test("a position whose topic nobody knows is taken for one in the topic that is there", async () => {
  const topic = { id: "two", held: new Map() };
  const { assignment, claimed } = assignmentIn(topic);
  await assignment.take([0]);
  await assignment.checkRanges();
  assert.deepEqual(claimed, ["two"]);
});

Deno.test("partitions of others, and topics without an id, stop nobody", async () => {
  const topic: { id: string | undefined; held: Map<number, string> } = {
    id: "two",
    held: new Map([[0, "two"], [1, "one"]]),
  };
  const { assignment } = assignmentIn(topic);
  await assignment.take([0]);
  topic.id = undefined;
  await assignment.checkRanges();
  await assignment.take([0]);
});

Deno.test("publishers that were opened for nothing are closed", async () => {
  let [asked, opened, closed] = [0, 0, 0];
  const publishers = () => {
    opened++;
    const publisher = { close: () => Promise.resolve(closed++), position: 8, furthest: 8, starts: [] };
    return Promise.resolve(new Map([[0, publisher as unknown as PartitionPublisher]]));
  };
  const assignment = assignmentOf(held, [], {
    publishers,
    offsets: () => {
      // The log is away just after the publishers were opened.
      if (++asked === 2) return Promise.reject(new Error("connection refused"));
      return Promise.resolve([{ partition: 0, earliest: 0, end: 10, committed: null }]);
    },
    failed: (error) => assert.match(String(error), /connection refused/),
  });
  await assignment.take([0]);
  assert.deepEqual([opened, closed], [2, 1]);
});

Deno.test("a lane that starts over leaves a partition alone that went away and came back meanwhile", async () => {
  const assigned: string[] = [];
  const worker = {
    assign: (_: string, { partition, epoch }: Checkpoint) => assigned.push(`${partition} of epoch ${epoch}`),
    load: () => Promise.resolve(),
  };
  const slot = { id: 0, worker, starting: false } as unknown as WorkerSlot;
  const lane = new Lane(slot, "p", { records: 10, bytes: 1_000 }, () => 0);
  const epochs = [1, 1];
  const checkpoints = () => epochs.map((epoch, partition) => ({ ...held, partition, epoch }));
  const loading = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  let isSlow = false;
  const warehouse: Pick<Warehouse, "positions" | "claim" | "states" | "topicIds"> = {
    topicIds: () => Promise.resolve(new Map()),
    positions: () => Promise.resolve(checkpoints()),
    claim: (_, partitions) =>
      Promise.resolve(checkpoints().filter(({ partition }) => partitions.includes(partition))),
    async *states(_, partition) {
      if (!isSlow || partition !== 0) return;
      began.resolve();
      await loading.promise;
      yield "[]";
    },
  };
  const assignment = assignmentOf(held, [], {
    plan: pipeline("p", {
      source: kafka("t", { group: "g", codec: json("string") }),
      outputs: (stream) => [
        stream.pipe(
          mapWithState({ by: (id) => id, initial: () => 0, update: (n) => ({ state: n + 1, emit: [] }) }),
        )
          .pipe(map((id: string) => ({ id })))
          .to(postgresTable("texts", { columns: { id: "text" }, key: ["id"] })),
      ],
    }),
    lanes: [lane],
    warehouse: warehouse as Warehouse,
    consumer: { seek() {} } as unknown as LogConsumer,
    offsets: () =>
      Promise.resolve([0, 1].map((partition) => ({ partition, earliest: 0, end: 10, committed: null }))),
  });
  await assignment.take([0, 1]);
  isSlow = true;
  assigned.length = 0;
  const restored = assignment.restore(lane);
  await began.promise;
  await assignment.take([0]);
  epochs[1] = 3;
  await assignment.take([0, 1]);
  loading.resolve();
  await restored;
  assert.deepEqual(assigned, ["0 of epoch 1", "1 of epoch 3"]);
  assert.deepEqual([...lane.partitions.keys()], [0, 1]);
});

Deno.test("partitions of an assignment that is outdated are not claimed", async () => {
  const claimed: number[][] = [];
  const warehouse: Pick<Warehouse, "positions" | "claim" | "topicIds"> = {
    positions: () => Promise.resolve([held]),
    topicIds: () => Promise.resolve(new Map()),
    claim: (_, partitions) => {
      claimed.push([...partitions]);
      return Promise.resolve(partitions.map((partition) => ({ ...held, partition, epoch: 2 })));
    },
  };
  const assignment = assignmentOf(held, [10, 10, 10], { warehouse: warehouse as Warehouse });
  const outdated = assignment.take([0, 1]);
  const latest = assignment.take([0]);
  await assert.rejects(outdated, /assigned anew/);
  assert.deepEqual(await latest, new Map([[0, 8]]));
  assert.deepEqual(claimed, [[0]]);
});
