import assert from "node:assert/strict";
import type { SourceRecord } from "../../src/record.ts";
import { PartitionQueue, recordBytes } from "../../src/runtime/partition_queue.ts";

function record(offset: number, size = 10): SourceRecord {
  return { offset, timestamp: 0, key: null, value: new Uint8Array(size), headers: [] };
}

function batch(from: number, next: number, offsets: number[], size?: number) {
  return { partition: 0, from, next, records: offsets.map((offset) => record(offset, size)) };
}

const offsetsOf = (records: SourceRecord[]) => records.map(({ offset }) => offset);

Deno.test("an empty queue gives nothing", () => {
  assert.equal(new PartitionQueue().take(10, 1_000), undefined);
});

Deno.test("all that waits is taken at once, across batches, with the position after the last batch", () => {
  const queue = new PartitionQueue();
  queue.push(batch(0, 2, [0, 1]));
  queue.push(batch(2, 9, [4, 5]));
  const taken = queue.take(100, 1e6)!;
  assert.deepEqual(offsetsOf(taken.records), [0, 1, 4, 5]);
  assert.equal(taken.next, 9);
  assert.ok(queue.isEmpty);
});

Deno.test("the record limit splits a batch, and the position is after the last record taken", () => {
  const queue = new PartitionQueue();
  queue.push(batch(0, 10, [0, 3, 6, 7]));
  assert.deepEqual(offsetsOf(queue.take(2, 1e6)!.records), [0, 3]);
  assert.equal(queue.records, 2);
  const rest = queue.take(2, 1e6)!;
  assert.deepEqual(offsetsOf(rest.records), [6, 7]);
  assert.equal(rest.next, 10);
});

Deno.test("a split leaves the position right behind the last record", () => {
  const queue = new PartitionQueue();
  queue.push(batch(0, 10, [0, 3, 6]));
  assert.equal(queue.take(2, 1e6)!.next, 4);
});

Deno.test("the byte limit holds, but one record is always taken", () => {
  const queue = new PartitionQueue();
  queue.push(batch(0, 3, [0, 1, 2], 1_000));
  const one = recordBytes(record(0, 1_000));
  assert.deepEqual(offsetsOf(queue.take(10, 1)!.records), [0]);
  assert.deepEqual(offsetsOf(queue.take(10, 2 * one)!.records), [1, 2]);
});

Deno.test("a batch without records moves the position", () => {
  const queue = new PartitionQueue();
  queue.push(batch(5, 7, []));
  assert.deepEqual(queue.take(10, 1e6), { records: [], bytes: 0, next: 7 });
  assert.ok(queue.isEmpty);
});
