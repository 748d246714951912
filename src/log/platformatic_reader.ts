import { clearTimeout, setTimeout } from "node:timers";
import type { Consumer } from "@platformatic/kafka";
import type { Batch, Offset } from "../record.ts";
import { causes, membership } from "./brokers.ts";
import { type FetchedPartition, type FetchResponse, readBatch } from "./platformatic_records.ts";

/** The isolation level `read_committed`. */
const readCommitted = 1;
const earliest = -2n;
/** A broker's answer to a fetch from before the first offset or beyond the last. */
const offsetOutOfRange = 1;
/** Milliseconds until the brokers are asked again who leads a partition that had no leader. */
const leaderPause = 1_000;

/** Where reading a partition stands. A seek makes a new one, so that what was asked for before is known as outdated. */
interface Reading {
  /** The offset that the next batch starts from. */
  next: Offset;
}

interface Asked {
  readonly reading: Reading;
  readonly from: Offset;
}

export interface ReaderEvents {
  fetched(batch: Batch): void;
  /** The topic has more partitions, or fewer, than when reading began. */
  partitionsChanged(): void;
  failed(error: unknown): void;
}

/**
 * Fetches from partitions of one topic: from each broker by one request after the other, for those of its partitions
 * that are not paused. So a broker that is slow does not hold up the others.
 */
export class PlatformaticReader {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #events: ReaderEvents;
  readonly #readings = new Map<number, Reading>();
  readonly #paused = new Set<number>();
  /** Brokers that a fetch is under way to. */
  readonly #busy = new Set<number>();
  #partitions: number | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(consumer: Consumer, topic: string, events: ReaderEvents) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#events = events;
  }

  /** Reads nothing any more. */
  clear(): void {
    this.#readings.clear();
    this.#paused.clear();
    clearTimeout(this.#later);
    this.#later = undefined;
  }

  /** Reads these partitions, but for those that were paused since the last `clear`. */
  open(positions: Iterable<readonly [number, Offset]>): void {
    for (const [partition, next] of positions) this.#readings.set(partition, { next });
    this.#fetchAll();
  }

  isOpen(partition: number): boolean {
    return this.#readings.has(partition);
  }

  seek(partition: number, offset: Offset): void {
    this.#readings.set(partition, { next: offset });
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.#fetchAll();
  }

  #fetchAll(): void {
    if (this.#due().length === 0) return;
    this.#fetchFromLeaders().catch((error) => this.#fail(error));
  }

  #due(): number[] {
    return [...this.#readings.keys()].filter((partition) => !this.#paused.has(partition));
  }

  async #fetchFromLeaders(): Promise<void> {
    const { topics } = await this.#consumer.metadata({ topics: [this.#topic] });
    const { id, partitions, partitionsCount } = topics.get(this.#topic)!;
    this.#partitions ??= partitionsCount;
    if (partitionsCount !== this.#partitions) return this.#events.partitionsChanged();
    const byLeader = Map.groupBy(this.#due(), (partition) => partitions[partition]?.leader ?? -1);
    for (const [leader, led] of byLeader) {
      if (leader < 0) this.#askLater();
      else if (!this.#busy.has(leader)) this.#fetch(leader, id, led);
    }
  }

  async #fetch(node: number, topicId: string, partitions: readonly number[]): Promise<void> {
    const asked = new Map(partitions.map((partition) => {
      const reading = this.#readings.get(partition)!;
      return [partition, { reading, from: reading.next }];
    }));
    this.#busy.add(node);
    try {
      this.#deliver(await this.#request(node, topicId, asked), asked);
    } catch (error) {
      await this.#recover(error, asked).catch((error) => this.#fail(error));
    } finally {
      this.#busy.delete(node);
    }
    this.#fetchAll();
  }

  #request(node: number, topicId: string, asked: ReadonlyMap<number, Asked>): Promise<FetchResponse> {
    return this.#consumer.fetch({
      node,
      minBytes: 1,
      maxBytes: membership.maxBytes,
      maxWaitTime: membership.maxWaitTime,
      isolationLevel: readCommitted,
      topics: [{
        topicId,
        partitions: Array.from(asked, ([partition, { from }]) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: BigInt(from),
          lastFetchedEpoch: -1,
          partitionMaxBytes: membership.maxBytesPerPartition,
        })),
      }],
    });
  }

  #deliver({ responses }: FetchResponse, asked: ReadonlyMap<number, Asked>): void {
    for (const { partitions } of responses) {
      for (const fetched of partitions) {
        const { reading, from } = this.#current(fetched, asked) ?? {};
        if (!reading || from === undefined) continue;
        const batch = readBatch(fetched, from);
        if (batch.next === from) continue;
        reading.next = batch.next;
        this.#events.fetched(batch);
      }
    }
  }

  /** What was asked of a partition, unless a seek, a clear or an answer to another request came meanwhile. */
  #current(
    { partitionIndex, errorCode }: FetchedPartition,
    asked: ReadonlyMap<number, Asked>,
  ): Asked | undefined {
    const each = asked.get(partitionIndex);
    if (errorCode !== 0 || !each || this.#readings.get(partitionIndex) !== each.reading) return undefined;
    return each.reading.next === each.from ? each : undefined;
  }

  /** Positions that are not in the topic go on from its earliest; any other error is for the owner. */
  async #recover(error: unknown, asked: ReadonlyMap<number, Asked>): Promise<void> {
    const response = responseOf(error);
    const failed =
      response?.responses.flatMap(({ partitions }) =>
        partitions.filter(({ errorCode }) => errorCode !== 0)
      ) ?? [];
    if (failed.length === 0 || failed.some(({ errorCode }) => errorCode !== offsetOutOfRange)) throw error;
    this.#deliver(response!, asked);
    const partitions = failed.map(({ partitionIndex }) => partitionIndex);
    const offsets = await this.#consumer.listOffsets({
      topics: [this.#topic],
      partitions: { [this.#topic]: partitions },
      timestamp: earliest,
    });
    for (const partition of partitions) {
      const { reading, from } = asked.get(partition) ?? {};
      if (reading?.next === from) reading!.next = Number(offsets.get(this.#topic)![partition]!);
    }
  }

  #askLater(): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#consumer.clearMetadata();
      this.#fetchAll();
    }, leaderPause);
  }

  #fail(error: unknown): void {
    this.clear();
    this.#events.failed(error);
  }
}

/** The answer that the library made an error of, since it holds the error of a partition. */
function responseOf(error: unknown): FetchResponse | undefined {
  return causes(error).map((each) => (each as { response?: FetchResponse }).response).find((each) =>
    each?.responses
  );
}
