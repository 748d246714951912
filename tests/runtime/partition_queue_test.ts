import assert from "node:assert/strict";
import type { SourceRecord } from "../../src/record.ts";
import { PackedReader, packRecords } from "../../src/packed_records.ts";
import { type Chunk, PartitionQueue } from "../../src/runtime/partition_queue.ts";

function record(offset: number, size = 10): SourceRecord {
  return { offset, timestamp: offset * 10, key: null, value: new Uint8Array(size), headers: [] };
}

function batch(from: number, next: number, offsets: number[], size?: number) {
  return { partition: 0, from, next, records: packRecords(offsets.map((offset) => record(offset, size))) };
}

const all = { records: Infinity, bytes: Infinity };

function shape(chunks: readonly Chunk[]): string[] {
  return chunks.map(({ from, next, offsets }) => `${from} [${[...offsets]}] ${next}`);
}

Deno.test("an empty queue gives nothing", () => {
  assert.deepEqual(new PartitionQueue(all).take(all), []);
});

Deno.test("all that waits is taken at once, each chunk with the positions around it", () => {
  const queue = new PartitionQueue(all);
  queue.push(batch(0, 2, [0, 1]));
  queue.push(batch(2, 9, [4, 5]));
  assert.deepEqual(shape(queue.take(all)), ["0 [0,1] 2", "2 [4,5] 9"]);
  assert.deepEqual(queue.take(all), []);
});

Deno.test("a batch is cut at the record limit, and every position follows the one before", () => {
  const queue = new PartitionQueue({ records: 2, bytes: 1e6 });
  queue.push(batch(0, 10, [1, 3, 6, 7, 8]));
  assert.deepEqual(shape(queue.take(all)), ["0 [1,3] 4", "4 [6,7] 8", "8 [8] 10"]);
});

Deno.test("a batch is cut at the byte limit, but a record is never left out", () => {
  const queue = new PartitionQueue({ records: 100, bytes: 1_500 });
  queue.push(batch(0, 3, [0, 1, 2], 1_000));
  assert.deepEqual(shape(queue.take(all)), ["0 [0] 1", "1 [1] 2", "2 [2] 3"]);
});

Deno.test("taking keeps to the limits, but takes one chunk at least", () => {
  const queue = new PartitionQueue({ records: 2, bytes: 1e6 });
  queue.push(batch(0, 6, [0, 1, 2, 3, 4, 5]));
  assert.equal(queue.take({ records: 1, bytes: 1e6 }).length, 1);
  assert.equal(queue.take({ records: 3, bytes: 1e6 }).length, 1);
  assert.equal(queue.take({ records: 100, bytes: 1 }).length, 1);
  assert.deepEqual(queue.take(all), []);
});

Deno.test("a batch without records moves the position", () => {
  const queue = new PartitionQueue(all);
  assert.ok(queue.push(batch(5, 7, [])) > 0, "what is kept of it counts");
  assert.equal(queue.waiting, 1, "it has to be taken, too");
  assert.deepEqual(shape(queue.take(all)), ["5 [] 7"]);
  assert.equal(queue.waiting, 0);
});

Deno.test("what is taken holds the records, and as much memory as was told", () => {
  const queue = new PartitionQueue(all);
  const bytes = queue.push(batch(0, 2, [0, 1], 50));
  const [chunk] = queue.take(all);
  assert.equal(chunk!.bytes, bytes);
  assert.deepEqual([...chunk!.timestamps], [0, 10]);
  assert.deepEqual(new PackedReader(chunk!.records).value(1), new Uint8Array(50));
});

Deno.test("what is cleared is gone", () => {
  const queue = new PartitionQueue(all);
  queue.push(batch(0, 2, [0, 1]));
  queue.clear();
  assert.deepEqual(queue.take(all), []);
});
