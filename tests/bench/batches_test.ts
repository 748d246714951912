import assert from "node:assert/strict";
import { Batches, type BenchMessage } from "../../bench/batches.ts";

/** All messages in the order of their requests. */
function requests(records: number, partitions: number): BenchMessage[][] {
  const batches = new Batches("users", partitions);
  const made: BenchMessage[][] = [];
  for (let n = 0; n < records; n++) {
    const full = batches.add({ key: `user${n % 97}`, value: `${n}`, timestamp: 1_000 + n });
    if (full) made.push(full);
  }
  return [...made, ...batches.rest()];
}

/** The numbers of the records of each partition, as they follow each other. */
function numbersByPartition(messages: readonly BenchMessage[]): Map<number, number[]> {
  const byPartition = Map.groupBy(messages, ({ partition }) => partition!);
  return new Map(
    [...byPartition].map(([partition, own]) => [partition, own.map(({ value }) => Number(value))]),
  );
}

for (const partitions of [1, 8, 256]) {
  Deno.test(`each of ${partitions} partitions gets its records once and in order`, () => {
    const messages = requests(20_001, partitions).flat();
    const numbers = numbersByPartition(messages);
    for (const own of numbers.values()) assert.deepEqual(own, own.toSorted((a, b) => a - b));
    const all = [...numbers.values()].flat().sort((a, b) => a - b);
    assert.deepEqual(all, Array.from({ length: 20_001 }, (_, n) => n));
    for (const { value, timestamp } of messages) assert.equal(timestamp, BigInt(1_000 + Number(value)));
  });
}

Deno.test("a request holds whole batches of 250 records of a partition, however many partitions there are", () => {
  const [first] = requests(100_000, 64);
  assert.equal(first!.length, 2_000);
  for (const own of numbersByPartition(first!).values()) assert.equal(own.length % 250, 0);
});

Deno.test("records of a key are in one partition", () => {
  const messages = requests(5_000, 8).flat();
  const partitions = Map.groupBy(messages, ({ key }) => key);
  assert.equal(partitions.size, 97);
  for (const own of partitions.values()) assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
});

Deno.test("nothing is left where nothing was added", () => {
  assert.deepEqual(requests(0, 8), []);
});
