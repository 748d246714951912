/**
 * A topic as a `read_committed` reader sees it, worked out from the log itself: every record is read, and a transaction
 * counts when its commit marker is there. Brokers' lists of aborted transactions, and clients' ways with them, have no part
 * in it: kafkajs lets aborted records pass.
 */
import { setTimeout } from "node:timers/promises";
import type { Consumer } from "@platformatic/kafka";
import { service, uniqueName } from "./env.ts";

/** A record as it stands in a topic. */
export interface CommittedRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: ReadonlyMap<string, Uint8Array | null>;
}

type FetchedBatch = NonNullable<
  Awaited<ReturnType<Consumer["fetch"]>>["responses"][number]["partitions"][number]["records"]
>[number];

/** Bits of a batch's attributes. */
const transactional = 1 << 4;
const control = 1 << 5;
/** The type in a marker's key. */
const commit = 1;

/** All records that are committed, by partition and offset. Transactions are waited for, unless what is open is to be left. */
export async function readCommitted(
  topic: string,
  { broker = service("kafka")!, leaveOpen = false } = {},
): Promise<CommittedRecord[]> {
  const { Consumer } = await import("@platformatic/kafka");
  const consumer = new Consumer({
    clientId: "committed-records",
    groupId: uniqueName("committed_records"),
    bootstrapBrokers: [broker],
  });
  try {
    const ends = await listEnds(consumer, topic, readUncommitted);
    while (
      !leaveOpen &&
      (await listEnds(consumer, topic, readStable)).some((end, partition) => end < ends[partition]!)
    ) {
      await setTimeout(20);
    }
    const read = await Promise.all(ends.map(async (end, partition) => {
      const records = new Transactions(partition);
      for (let next = 0; next < end;) {
        const batches = await fetchFrom(consumer, topic, partition, next);
        for (const batch of batches) {
          next = Math.max(next, Number(batch.firstOffset) + batch.lastOffsetDelta + 1);
          records.add(batch);
        }
      }
      return records.committed;
    }));
    return read.flat().sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  } finally {
    await consumer.close();
  }
}

/** The values of all records that are committed, as text. */
export async function readCommittedValues(topic: string): Promise<string[]> {
  const decoder = new TextDecoder();
  return (await readCommitted(topic)).map(({ value }) => decoder.decode(value!));
}

/** Isolation levels of requests. */
const readUncommitted = 0;
const readStable = 1;

/** Of each partition, the offset behind its last record, or behind the last before an open transaction. */
async function listEnds(consumer: Consumer, topic: string, isolationLevel: number): Promise<bigint[]> {
  return (await consumer.listOffsets({ topics: [topic], isolationLevel })).get(topic)!;
}

async function fetchFrom(consumer: Consumer, topic: string, partition: number, offset: number) {
  const { topics } = await consumer.metadata({ topics: [topic] });
  const { id, partitions } = topics.get(topic)!;
  const { responses } = await consumer.fetch({
    node: partitions[partition]!.leader,
    minBytes: 1,
    maxBytes: 8 << 20,
    maxWaitTime: 500,
    isolationLevel: readUncommitted,
    topics: [{
      topicId: id,
      partitions: [{
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch: -1,
        partitionMaxBytes: 8 << 20,
      }],
    }],
  });
  return responses.flatMap((response) => response.partitions.flatMap(({ records }) => records ?? []));
}

/** One partition's records, as its markers come. */
class Transactions {
  readonly committed: CommittedRecord[] = [];
  readonly #partition: number;
  /** By producer: the records of its transaction that is open. */
  readonly #open = new Map<bigint, CommittedRecord[]>();
  #next = 0;

  constructor(partition: number) {
    this.#partition = partition;
  }

  add(batch: FetchedBatch): void {
    const { attributes, producerId } = batch;
    const first = Number(batch.firstOffset);
    // A fetch gives the whole of a batch again that it starts in.
    if (first < this.#next) return;
    this.#next = first + batch.lastOffsetDelta + 1;
    if (attributes & control) {
      if (batch.records[0]!.key!.readInt16BE(2) === commit) {
        this.committed.push(...this.#open.get(producerId) ?? []);
      }
      this.#open.delete(producerId);
      return;
    }
    const records = batch.records.map((
      { offsetDelta, timestampDelta, key, value, headers },
    ): CommittedRecord => ({
      partition: this.#partition,
      offset: first + offsetDelta,
      timestamp: Number(batch.firstTimestamp) + Number(timestampDelta),
      key: key?.toString() ?? null,
      value,
      headers: new Map(headers.map(([name, content]) => [name!.toString(), content])),
    }));
    if (!(attributes & transactional)) this.committed.push(...records);
    else this.#open.set(producerId, [...this.#open.get(producerId) ?? [], ...records]);
  }
}
