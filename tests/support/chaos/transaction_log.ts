/**
 * A topic as a `read_committed` reader sees it, worked out from the log itself: every record is read, and a transaction
 * counts when its commit marker is there. Brokers' lists of aborted transactions, and clients' ways with them, have no part in it.
 */
import type { Consumer } from "@platformatic/kafka";
import { uniqueName } from "../env.ts";
import type { RawRecord } from "./kafka_client.ts";

type FetchedBatch = NonNullable<
  Awaited<ReturnType<Consumer["fetch"]>>["responses"][number]["partitions"][number]["records"]
>[number];

/** Bits of a batch's attributes. */
const transactional = 1 << 4;
const control = 1 << 5;
/** The type in a marker's key. */
const commit = 1;

/**
 * All that is committed, in the order of the offsets.
 *
 * @param ends By partition: the offset up to which the log is read.
 */
export async function readTransactions(
  broker: string,
  topic: string,
  ends: ReadonlyMap<number, number>,
): Promise<RawRecord[]> {
  const { Consumer } = await import("@platformatic/kafka");
  const consumer = new Consumer({
    clientId: "transaction-log",
    groupId: uniqueName("transaction_log"),
    bootstrapBrokers: [broker],
  });
  try {
    const read = await Promise.all([...ends].map(async ([partition, end]) => {
      const records = new CommittedRecords(partition);
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

async function fetchFrom(consumer: Consumer, topic: string, partition: number, offset: number) {
  const { topics } = await consumer.metadata({ topics: [topic] });
  const { id, partitions } = topics.get(topic)!;
  const { responses } = await consumer.fetch({
    node: partitions[partition]!.leader,
    minBytes: 1,
    maxBytes: 8 << 20,
    maxWaitTime: 500,
    isolationLevel: 0,
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
class CommittedRecords {
  readonly committed: RawRecord[] = [];
  readonly #partition: number;
  /** By producer: the records of its transaction that is open. */
  readonly #open = new Map<bigint, RawRecord[]>();
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
    const records = batch.records.map(({ offsetDelta, timestampDelta, key, value }): RawRecord => ({
      partition: this.#partition,
      offset: first + offsetDelta,
      timestamp: Number(batch.firstTimestamp) + Number(timestampDelta),
      key: key?.toString() ?? null,
      value,
    }));
    if (!(attributes & transactional)) this.committed.push(...records);
    else this.#open.set(producerId, [...this.#open.get(producerId) ?? [], ...records]);
  }
}
