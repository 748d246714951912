import assert from "node:assert/strict";
import { kafka, pipeline, text, topic } from "weir";
import type { LogConsumer } from "../../src/log/mod.ts";
import { packRecords } from "../../src/packed_records.ts";
import type { Assignment } from "../../src/runtime/assignment.ts";
import { Intake } from "../../src/runtime/intake.ts";
import { Lane } from "../../src/runtime/lane.ts";
import { PartitionPublisher, type PublishingOptions } from "../../src/runtime/partition_publisher.ts";
import { keptBytes } from "../../src/runtime/partition_queue.ts";
import { publish } from "../../src/runtime/publishing.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { slotOf } from "../support/slot.ts";

const limits = { records: 10, bytes: 1_000 };

/** An intake, and a lane with two partitions. */
function intakeOf(memoryBytes = 1_000, publisher?: PartitionPublisher) {
  const lane = new Lane(slotOf(), "p", limits, () => 0);
  for (const partition of [0, 1]) lane.own(freshCheckpoint({ partition }), publisher);
  const paused: number[][] = [];
  const resumed: number[][] = [];
  const consumer: Pick<LogConsumer, "pause" | "resume"> = {
    pause: (partitions) => void paused.push([...partitions]),
    resume: (partitions) => void resumed.push([...partitions]),
  };
  const assignment = { laneOf: () => lane, owned: () => lane.partitions.values(), size: 2 };
  const intake = new Intake(consumer as LogConsumer, assignment as unknown as Assignment, memoryBytes);
  const accept = (partition: number, from: number, bytes: number) => {
    const record = { offset: from, timestamp: 0, key: null, value: new Uint8Array(bytes), headers: [] };
    intake.accept(
      { partition, from, next: from + 1, records: packRecords([record]) },
      () => assert.fail("misplaced"),
    );
  };
  return { intake, lane, paused, resumed, accept };
}

Deno.test("all partitions are paused when the memory is full, and again after an assignment", () => {
  const { intake, paused, accept } = intakeOf();
  accept(0, 0, 600);
  assert.deepEqual(paused, []);
  accept(1, 0, 600);
  assert.deepEqual(paused, [[0, 1]]);
  accept(1, 1, 600);
  assert.deepEqual(paused, [[0, 1]], "what still came is taken, and nobody is told twice");
  intake.assigned();
  assert.deepEqual(paused, [[0, 1], [0, 1]]);
});

Deno.test("after an assignment the log is told which partitions flow, whatever an outdated one has told it", () => {
  const { intake, lane, paused, resumed, accept } = intakeOf();
  accept(0, 0, 1_200);
  lane.remove(lane.partitions.get(0)!);
  intake.assigned();
  assert.deepEqual([paused, resumed], [[[0, 1]], [[1]]]);
});

Deno.test("an assignment while the process stops lets nothing flow", () => {
  const { intake, paused, resumed } = intakeOf();
  intake.close();
  intake.assigned();
  assert.deepEqual([paused, resumed], [[[0, 1], [0, 1]], []]);
});

Deno.test("what is processed holds what came of it, so that partitions flow again before it is committed", () => {
  const { intake, lane, resumed, accept } = intakeOf();
  accept(0, 0, 600);
  accept(1, 0, 600);
  const { task } = lane.take()!;
  assert.equal(task.slices.length, 2);
  const rows = {
    kind: "copy",
    chunk: { count: 1, bytes: new Uint8Array(40) },
    sources: new Uint32Array(1),
  } as const;
  const deadLetters = { count: 0, buffer: new ArrayBuffer(6) };
  task.output = { slices: [], outputs: [rows], deadLetters, busy: 0 };
  const held = () => [...lane.partitions.values()].map(({ heldBytes }) => heldBytes);
  const kept = keptBytes(task.slices[0]!);
  intake.processed(task);
  assert.deepEqual(held(), [25 + kept, 25 + kept]);
  assert.deepEqual(resumed, [[0, 1]]);
  intake.release([task]);
  assert.deepEqual(held(), [0, 0]);
});

Deno.test("a topic that stands still and gets next to nothing is not left behind without bound", () => {
  const { plan, publisher } = hangingPublisher();
  const { intake, lane, paused } = intakeOf(100_000, publisher);
  const owned = lane.partitions.get(0)!;
  let offset = 0;
  for (; paused.length === 0 && offset < 10_000; offset++) {
    const record = { offset, timestamp: 0, key: null, value: new Uint8Array(4_000), headers: [] };
    const batch = { partition: 0, from: offset, next: offset + 1, records: packRecords([record]) };
    intake.accept(batch, () => assert.fail("misplaced"));
    const { task } = lane.take()!;
    const none = { kind: "records", records: packRecords([]), sources: new Uint32Array(0) } as const;
    task.output = { slices: [], outputs: [none], deadLetters: packRecords([]), busy: 0 };
    intake.processed(task);
    owned.checkpoint = { ...owned.checkpoint, next: offset + 1 };
    publish(task, plan);
    lane.tasks = [];
    intake.release([task]);
  }
  assert.ok(
    paused.length > 0 && offset < 1_000,
    `${offset} records are in the warehouse, and none is published`,
  );
});

function hangingPublisher() {
  const plan = pipeline("p", {
    source: kafka("t", { group: "g", codec: text() }),
    outputs: (stream) => [stream.to(topic("alerts", { key: () => null, codec: text() }))],
  });
  const never = new Promise<never>(() => {});
  const publisher = { open: () => never, publish: () => never, close: () => Promise.resolve() };
  const options: PublishingOptions = {
    plan,
    source: { group: "g", topic: "t" },
    log: { publisher: () => publisher, offsets: () => never },
    resets: { last: () => never, finish: () => never },
    meters: [new SinkMeter("alerts", "topic")],
    signal: new AbortController().signal,
    now: () => 0,
    published: () => {},
    refused: () => assert.fail("nothing is refused"),
    fenced: () => assert.fail("nobody is fenced"),
  };
  return { plan, publisher: new PartitionPublisher(options, 0, publisher, new Map([["alerts", 0]])) };
}
