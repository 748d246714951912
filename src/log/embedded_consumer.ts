import { setImmediate, setTimeout } from "node:timers/promises";
import { packRecords } from "../packed_records.ts";
import type { Batch, Offset } from "../record.ts";
import type { EmbeddedStore } from "./embedded_store.ts";
import type { ConsumerListener, LogConsumer } from "./mod.ts";

/** What one read takes: it blocks the thread for a few milliseconds. */
const maxBatchRecords = 1_000;
const maxBatchBytes = 1024 * 1024;
/** Milliseconds before partitions are assigned again after the owner could not give positions. */
const assignPause = 500;

/** Where a consumer signs in and out: a group has one member per topic. */
export interface Membership {
  readonly store: EmbeddedStore;
  /** @throws {Error} when the group has a member already. */
  join(consumer: EmbeddedConsumer): void;
  leave(consumer: EmbeddedConsumer): void;
}

/** Reads all partitions of a topic of the embedded log, in turn; sleeps while there is nothing to read. */
export class EmbeddedConsumer implements LogConsumer {
  readonly #membership: Membership;
  readonly #store: EmbeddedStore;
  readonly #stopped = new AbortController();
  #listener: ConsumerListener | undefined;
  #reading: Promise<void> | undefined;
  /** Counts assignments, to know an outdated answer. */
  #generation = 0;
  /** The positions to read from; empty until the owner has given them. */
  readonly #positions = new Map<number, Offset>();
  readonly #paused = new Set<number>();
  readonly #sought = new Map<number, Offset>();
  #awake = Promise.withResolvers<void>();
  #turn = 0;

  constructor(membership: Membership, readonly topic: string, readonly group: string) {
    this.#membership = membership;
    this.#store = membership.store;
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async start(listener: ConsumerListener): Promise<void> {
    if (this.#listener) throw new Error(`The consumer of topic "${this.topic}" is started already`);
    this.#membership.join(this);
    this.#listener = listener;
    this.#reading = this.#read(listener);
  }

  seek(partition: number, offset: Offset): void {
    if (!this.#positions.has(partition)) this.#sought.set(partition, offset);
    else this.#positions.set(partition, offset);
    this.wake();
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.wake();
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async commit(positions: ReadonlyMap<number, Offset>): Promise<void> {
    const topic = this.#store.topic(this.topic);
    if (topic) this.#store.commit(topic, this.group, positions);
  }

  rejoin(): Promise<void> {
    if (this.#listener && this.#store.topic(this.topic)) this.#assign(this.#listener);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#generation++;
    this.wake();
    await this.#reading;
    this.#membership.leave(this);
  }

  /** There may be something to read. */
  wake(): void {
    this.#awake.resolve();
  }

  async #read(listener: ConsumerListener): Promise<void> {
    const { signal } = this.#stopped;
    if (!this.#store.topic(this.topic)) {
      listener.failed(new Error(`Cannot read topic "${this.topic}": it does not exist`));
      while (!this.#store.topic(this.topic) && !signal.aborted) await this.#sleep();
    }
    if (!signal.aborted) this.#assign(listener);
    while (!signal.aborted) {
      const batch = this.#next();
      if (!batch) {
        await this.#sleep();
        continue;
      }
      this.#positions.set(batch.partition, batch.next);
      listener.fetched(batch);
      // Everything else on this thread gets its turn.
      await setImmediate();
    }
  }

  /** Asks the owner for the positions of all partitions; nothing is read until it answers. */
  #assign(listener: ConsumerListener): void {
    const generation = ++this.#generation;
    const partitions = [...this.#store.topic(this.topic)!.ends.keys()];
    this.#positions.clear();
    this.#paused.clear();
    this.#sought.clear();
    const asked = (async () => await listener.assigned(partitions))();
    asked.then((positions) => {
      if (generation !== this.#generation) return;
      for (const partition of partitions) {
        const offset = this.#sought.get(partition) ?? positions.get(partition);
        if (offset === undefined) throw new Error(`No position was given for partition ${partition}`);
        this.#positions.set(partition, offset);
      }
      this.wake();
    }).catch(async (error) => {
      if (generation !== this.#generation) return;
      listener.failed(error);
      await setTimeout(assignPause, undefined, { signal: this.#stopped.signal }).catch(() => {});
      if (generation === this.#generation) this.#assign(listener);
    });
  }

  /** The next batch of a partition that has one, starting after the one that was read last. */
  #next(): Batch | undefined {
    const topic = this.#store.topic(this.topic)!;
    for (let tried = 0; tried < topic.partitions; tried++) {
      const partition = this.#turn++ % topic.partitions;
      const from = this.#positions.get(partition);
      if (from === undefined || from >= topic.ends[partition]! || this.#paused.has(partition)) continue;
      const records = this.#store.read(topic, partition, from, maxBatchRecords, maxBatchBytes);
      const next = (records.at(-1)?.offset ?? topic.ends[partition]! - 1) + 1;
      return { partition, from, next, records: packRecords(records) };
    }
    return undefined;
  }

  async #sleep(): Promise<void> {
    await this.#awake.promise;
    this.#awake = Promise.withResolvers();
  }
}
