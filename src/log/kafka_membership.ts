import type { Consumer, EachBatchPayload } from "kafkajs";
import type { Offset } from "../record.ts";
import { closeTimeout, membership, within } from "./brokers.ts";
import type { Membership } from "./group_consumer.ts";
import { errorType, type KafkaClient } from "./kafka_client.ts";
import { recordSetOf, RecordSetsRack } from "./kafka_fetch.ts";
import type { ConsumerListener } from "./mod.ts";
import { readRecordSet } from "./record_set.ts";

/**
 * Milliseconds from one fetch to the next, at least: at a few hundred records a second each would bring one, and
 * cost as much as one that brings a thousand. At high rates a fetch takes longer anyway.
 */
const fetchInterval = 3;

/** Milliseconds that batches wait for a partition to be resumed: short, as kafkajs sends heartbeats only between them. */
const longestHold = 200;

/** As many as a fetch may bring: one after the other, each batch would wait for those before it to return. */
const partitionsConsumedConcurrently = 64;

/**
 * One membership in a consumer group by one kafkajs consumer.
 * kafkajs's own restarts are off, so that there is one way to get over an error: a new membership.
 *
 *     joining -> assigned (all paused, positions asked for) -> open (reading) -> ended
 *                   ^_______________ rebalance _________________/
 */
export class KafkaMembership implements Membership {
  readonly #consumer: Consumer;
  readonly #client: KafkaClient;
  readonly #topic: string;
  readonly #listener: ConsumerListener;
  readonly #opened: () => void;
  readonly #topicId: () => Promise<string | undefined>;
  readonly #rack = new RecordSetsRack();
  readonly #ended = Promise.withResolvers<void>();
  #joining: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;
  #left = false;
  /** Counts assignments, to know an outdated answer. */
  #generation = 0;
  /** When the last fetch was allowed, by the clock of `performance`. */
  #lastFetch = -Infinity;
  /** Let those batches return that wait for a partition to be resumed. */
  readonly #holds: (() => void)[] = [];
  #assigned: readonly number[] = [];
  /** The partitions whose positions are known. */
  readonly #open = new Set<number>();
  /** What the owner has asked for since the last assignment. */
  readonly #paused = new Set<number>();
  readonly #sought = new Map<number, Offset>();

  constructor(
    client: KafkaClient,
    topic: string,
    group: string,
    listener: ConsumerListener,
    opened: () => void,
    topicId: () => Promise<string | undefined>,
  ) {
    this.#client = client;
    this.#topicId = topicId;
    this.#topic = topic;
    this.#listener = listener;
    this.#opened = opened;
    this.#consumer = client.kafka.consumer({
      groupId: group,
      // kafkajs does not look at it.
      rackId: this.#rack as unknown as string,
      allowAutoTopicCreation: false,
      sessionTimeout: membership.sessionTimeout,
      heartbeatInterval: membership.heartbeatInterval,
      rebalanceTimeout: membership.rebalanceTimeout,
      metadataMaxAge: membership.metadataMaxAge,
      maxBytesPerPartition: membership.maxBytesPerPartition,
      maxBytes: membership.maxBytes,
      maxWaitTimeInMs: membership.maxWaitTime,
      retry: { initialRetryTime: 300, retries: 5, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  async run(): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#assign(payload.memberAssignment[this.#topic] ?? []));
    this.#consumer.on(CRASH, ({ payload }) => this.#end(payload.error));
    this.#joining = this.#join();
    this.#joining.catch((error) => this.#end(error));
    await this.#ended.promise;
  }

  /**
   * A broker is fetched again when all batches of its last answer have returned: so not too soon after that, and, when
   * all partitions are paused, as soon as one is resumed. kafkajs by itself looks only every `maxWaitTime` whether one is.
   */
  async #pace(): Promise<void> {
    const early = this.#lastFetch + fetchInterval - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    if (this.#open.size > 0 && this.#assigned.every((partition) => this.#paused.has(partition))) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestHold);
        this.#holds.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    this.#lastFetch = performance.now();
  }

  #endHolds(): void {
    for (const end of this.#holds.splice(0)) end();
  }

  async #join(): Promise<void> {
    await this.#consumer.connect();
    if (this.#left) return;
    // A position out of range makes kafkajs start over from the earliest record, which the owner sees by `from`.
    await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
    if (this.#left) return;
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      partitionsConsumedConcurrently,
      eachBatch: (payload) => {
        this.#fetched(payload);
        return this.#pace();
      },
    });
  }

  /** Runs within kafkajs's own step from joining to fetching: nothing is fetched before the pause. */
  #assign(partitions: readonly number[]): void {
    if (this.#left) return;
    const generation = ++this.#generation;
    this.#assigned = [...partitions].sort((a, b) => a - b);
    this.#open.clear();
    this.#paused.clear();
    this.#sought.clear();
    if (partitions.length > 0) this.#consumer.pause(this.#these(partitions));
    const isCurrent = () => generation === this.#generation && !this.#left;
    const asked = (async () => {
      // First, so that what the owner finds in the log is of this topic or of a later one, of which nothing is fetched.
      const topicId = partitions.length > 0 ? await this.#topicId() : undefined;
      // The owner knows better by then, or may not be called any more.
      if (!isCurrent()) return;
      const positions = await this.#listener.assigned(this.#assigned);
      if (isCurrent()) this.#start(topicId, positions);
    })();
    asked.catch((error) => {
      if (generation === this.#generation) this.#end(error);
    });
  }

  #start(topicId: string | undefined, positions: ReadonlyMap<number, Offset>): void {
    this.#rack.topicId = topicId;
    for (const partition of this.#assigned) {
      const next = this.#sought.get(partition) ?? positions.get(partition);
      if (next === undefined) throw new Error(`No position was given for partition ${partition}`);
      this.#open.add(partition);
      this.#seek(partition, next);
    }
    this.#resume(this.#assigned.filter((partition) => !this.#paused.has(partition)));
    this.#opened();
  }

  seek(partition: number, offset: Offset): void {
    if (this.#open.has(partition)) this.#seek(partition, offset);
    else if (this.#assigned.includes(partition)) this.#sought.set(partition, offset);
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
    this.#tell(() => this.#consumer.pause(this.#these(partitions)));
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.#resume(partitions.filter((partition) => this.#open.has(partition)));
  }

  async commit(positions: ReadonlyMap<number, Offset>): Promise<boolean> {
    const topic = this.#topic;
    const own = [...positions].filter(([partition]) => this.#assigned.includes(partition));
    if (own.length === 0) return true;
    try {
      await this.#consumer.commitOffsets(
        own.map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      );
      return true;
    } catch (error) {
      if (this.#left || isRebalance(error) || isStopped(error)) return false;
      throw this.#client.failure(`Cannot commit positions in topic "${topic}"`, error);
    }
  }

  leave(): Promise<void> {
    this.#left = true;
    this.#ended.resolve();
    this.#endHolds();
    // kafkajs starts to read when a stop comes before it has joined: so first let it.
    this.#leaving ??= this.#joining.catch(() => {}).then(() => this.#consumer.disconnect());
    return within(closeTimeout, this.#leaving).catch(() => {});
  }

  #fetched({ batch, isStale }: EachBatchPayload): void {
    // Stale: a seek came after the fetch, and will be followed by a fetch from there.
    if (!this.#open.has(batch.partition) || this.#left || isStale()) return;
    const { recordSet, decompress } = recordSetOf(batch);
    const from = Number((batch as FetchedBatch).fetchedOffset);
    this.#listener.fetched({
      partition: batch.partition,
      from,
      ...readRecordSet(recordSet, from, decompress),
    });
  }

  #end(error: unknown): void {
    this.#ended.reject(this.#client.failure(`Reading topic "${this.#topic}" was interrupted`, error));
  }

  #seek(partition: number, offset: Offset): void {
    this.#tell(() => this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) }));
  }

  #resume(partitions: readonly number[]): void {
    if (partitions.length > 0) this.#tell(() => this.#consumer.resume(this.#these(partitions)));
    this.#endHolds();
  }

  /** kafkajs throws when it has just crashed, and will tell so; the next assignment sets everything anew. */
  #tell(order: () => void): void {
    try {
      order();
    } catch (error) {
      if (!isStopped(error)) throw error;
    }
  }

  #these(partitions: readonly number[]): { topic: string; partitions: number[] }[] {
    return [{ topic: this.#topic, partitions: [...partitions] }];
  }
}

/** What kafkajs's batch has but its types do not tell. */
type FetchedBatch = EachBatchPayload["batch"] & { readonly fetchedOffset: string };

/** Another member has joined or gone: the positions can be told after the next assignment. */
function isRebalance(error: unknown): boolean {
  const type = errorType(error);
  return type === "REBALANCE_IN_PROGRESS" || type === "ILLEGAL_GENERATION" || type === "UNKNOWN_MEMBER_ID";
}

/** kafkajs's consumer is stopped, or has crashed. */
function isStopped(error: unknown): boolean {
  return error instanceof Error && error.message.includes("consumer#run must be called first");
}
