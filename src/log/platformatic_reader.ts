import { clearTimeout, setTimeout } from "node:timers";
import { setImmediate } from "node:timers/promises";
import type { Consumer } from "@platformatic/kafka";
import type { Batch, Offset } from "../record.ts";
import { causes, membership } from "./brokers.ts";
import type { RecordSetPartition, RecordSetsResponse } from "./platformatic_fetch.ts";
import { type Decompress, readRecordSet, type RecordSet, surveyRecordSet } from "./record_set.ts";

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

interface Brought extends Asked {
  readonly partition: number;
  readonly recordSet: RecordSet;
}

export interface ReaderEvents {
  fetched(batch: Batch): void;
  /** The topic is another one than it was, or has more partitions, or fewer. */
  topicChanged(): void;
  failed(error: unknown): void;
}

/**
 * Fetches from partitions of one topic: from each broker by one request after the other, for those of its partitions
 * that are not paused. So a broker that is slow does not hold up the others.
 */
export class PlatformaticReader {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #decompress: Decompress;
  readonly #events: ReaderEvents;
  readonly #readings = new Map<number, Reading>();
  readonly #paused = new Set<number>();
  /** What has come and is not delivered yet, in order. */
  readonly #brought: Brought[] = [];
  /** Brokers that a fetch is under way to. */
  readonly #busy = new Set<number>();
  #topicId: string | undefined;
  #partitions: number | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;

  /** @param consumer Its fetches bring record sets, see `fetchRecordSets`. */
  constructor(consumer: Consumer, topic: string, decompress: Decompress, events: ReaderEvents) {
    this.#consumer = consumer;
    this.#decompress = decompress;
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

  /** The id of the topic. It may be an answer of a while ago, of a topic that is gone: then fetching fails. */
  async topicId(): Promise<string> {
    const { topics } = await this.#consumer.metadata({ topics: [this.#topic] });
    return topics.get(this.#topic)!.id;
  }

  /** Reads these partitions of the topic of this id, but for those that were paused since the last `clear`. */
  open(topicId: string, positions: Iterable<readonly [number, Offset]>): void {
    this.#topicId = topicId;
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
    if (partitionsCount !== this.#partitions || id !== this.#topicId) return this.#events.topicChanged();
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
      this.#take(await this.#request(node, topicId, asked), asked);
    } catch (error) {
      await this.#recover(error, asked).catch((error) => this.#fail(error));
    } finally {
      this.#busy.delete(node);
    }
    // The broker gets its next request before what it brought is read, so that both are at work.
    this.#fetchAll();
    await setImmediate();
    this.#deliver();
  }

  async #request(
    node: number,
    topicId: string,
    asked: ReadonlyMap<number, Asked>,
  ): Promise<RecordSetsResponse> {
    const response = await this.#consumer.fetch({
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
    return response as unknown as RecordSetsResponse;
  }

  /** Moves the positions behind what an answer has brought, which is delivered soon. */
  #take({ responses }: RecordSetsResponse, asked: ReadonlyMap<number, Asked>): void {
    for (const { partitions } of responses) {
      for (const fetched of partitions) {
        const { reading, from } = this.#current(fetched, asked) ?? {};
        const { next } = surveyRecordSet(fetched.recordSet.bytes) ?? {};
        if (!reading || from === undefined || next === undefined || next <= from) continue;
        reading.next = next;
        // Those that brought something come last in the next request, as a broker's answer may have no room for all.
        this.#readings.delete(fetched.partitionIndex);
        this.#readings.set(fetched.partitionIndex, reading);
        const { partitionIndex: partition, recordSet } = fetched;
        this.#brought.push({ partition, reading, from, recordSet });
      }
    }
  }

  #deliver(): void {
    try {
      for (const { partition, reading, from, recordSet } of this.#brought.splice(0)) {
        // A seek, or a new assignment, may come while those before it are delivered.
        if (this.#readings.get(partition) !== reading) continue;
        this.#events.fetched({ partition, from, ...readRecordSet(recordSet, from, this.#decompress) });
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What was asked of a partition, unless a seek, a clear or an answer to another request came meanwhile. */
  #current(
    { partitionIndex, errorCode }: RecordSetPartition,
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
    this.#take(response!, asked);
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
function responseOf(error: unknown): RecordSetsResponse | undefined {
  return causes(error).map((each) => (each as { response?: RecordSetsResponse }).response).find((each) =>
    each?.responses
  );
}
