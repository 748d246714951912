import assert from "node:assert/strict";
import type { LogConsumer } from "../../src/log/mod.ts";
import { packRecords } from "../../src/packed_records.ts";
import type { Assignment } from "../../src/runtime/assignment.ts";
import { Intake } from "../../src/runtime/intake.ts";
import { Lane } from "../../src/runtime/lane.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";
import { slotOf } from "../support/slot.ts";

const limits = { records: 10, bytes: 1_000 };

/** An intake of 1,000 bytes, and a lane with two partitions. */
function intakeOf() {
  const lane = new Lane(slotOf(), "p", limits, () => 0);
  for (const partition of [0, 1]) lane.own(freshCheckpoint({ partition }));
  const paused: number[][] = [];
  const resumed: number[][] = [];
  const consumer: Pick<LogConsumer, "pause" | "resume"> = {
    pause: (partitions) => void paused.push([...partitions]),
    resume: (partitions) => void resumed.push([...partitions]),
  };
  const assignment = { laneOf: () => lane, owned: () => lane.partitions.values(), size: 2 };
  const intake = new Intake(consumer as LogConsumer, assignment as unknown as Assignment, 1_000);
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
    chunk: { count: 1, bytes: new Uint8Array(90) },
    sources: new Uint32Array(1),
  } as const;
  const deadLetters = { count: 0, buffer: new ArrayBuffer(6) };
  task.output = { slices: [], outputs: [rows], deadLetters, busy: 0 };
  intake.processed(task);
  const held = [...lane.partitions.values()].map(({ heldBytes }) => heldBytes);
  assert.deepEqual(held, [50, 50]);
  assert.deepEqual(resumed, [[0, 1]]);
  intake.release([task]);
  assert.deepEqual([...lane.partitions.values()].map(({ heldBytes }) => heldBytes), [0, 0]);
});
