import assert from "node:assert/strict";
import { OwnedPartition } from "../../src/runtime/lane.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";

const checkpoint = freshCheckpoint({ next: 100 });

Deno.test("a record that a topic refused is remembered until it comes by again", () => {
  const partition = new OwnedPartition(checkpoint, { records: 10, bytes: 1_000 });
  partition.refused.set(50, { offset: 50, stage: "write a", reason: "too large" });
  // Its topic is behind: this slice was on its way into the warehouse when the topic refused it.
  partition.passed({ from: 100, next: 200 });
  assert.deepEqual([...partition.refused.keys()], [50]);
  partition.passed({ from: 0, next: 50 });
  assert.deepEqual([...partition.refused.keys()], [50]);
  partition.passed({ from: 50, next: 51 });
  assert.deepEqual([...partition.refused.keys()], []);
});
