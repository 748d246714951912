import { setTimeout } from "node:timers/promises";
import type { Offset } from "../record.ts";
import type { ConsumerListener, LogConsumer } from "./mod.ts";

/** Milliseconds before joining again after an error: doubled each time in a row, up to the longest. */
const shortestPause = 500;
const longestPause = 10_000;

/** One membership in a group, from joining to leaving or to the error that ends it. */
export interface Membership {
  /** Joins, and reads until `leave`; throws when something ends the membership before. */
  run(): Promise<void>;
  seek(partition: number, offset: Offset): void;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** Commits what is of its own partitions; false when the group is changing just now, so that nothing was. */
  commit(positions: ReadonlyMap<number, Offset>): Promise<boolean>;
  /** Leaves the group. The listener is not called any more, from the moment of the call on. */
  leave(): Promise<void>;
}

/** Makes a membership, which has not joined yet. `opened` is called when the positions of an assignment are set. */
export type Join = (listener: ConsumerListener, opened: () => void) => Membership;

/**
 * Reads a topic as a member of a group, through one membership after the other until it is stopped: each error ends a
 * membership, is reported, and is followed by a pause and the next one.
 *
 * A position that is not in the topic does not fail: reading goes on from the earliest offset, which the owner sees by
 * the next batch's `from`.
 */
export class GroupConsumer implements LogConsumer {
  readonly #topic: string;
  readonly #join: Join;
  readonly #stopped = new AbortController();
  #membership: Membership | undefined;
  #reading: Promise<void> | undefined;
  /** Errors in a row. */
  #failures = 0;
  /** What could not be committed while the group was changing. */
  readonly #uncommitted = new Map<number, Offset>();

  constructor(topic: string, join: Join) {
    this.#topic = topic;
    this.#join = join;
  }

  start(listener: ConsumerListener): Promise<void> {
    if (this.#reading) {
      return Promise.reject(new Error(`The consumer of topic "${this.#topic}" is started already`));
    }
    this.#reading = this.#read(listener);
    return Promise.resolve();
  }

  seek(partition: number, offset: Offset): void {
    this.#membership?.seek(partition, offset);
  }

  pause(partitions: readonly number[]): void {
    this.#membership?.pause(partitions);
  }

  resume(partitions: readonly number[]): void {
    this.#membership?.resume(partitions);
  }

  async commit(positions: ReadonlyMap<number, Offset>): Promise<void> {
    for (const [partition, offset] of positions) this.#uncommitted.set(partition, offset);
    await this.#commit();
  }

  async rejoin(): Promise<void> {
    await this.#membership?.leave();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#membership?.leave();
    await this.#reading;
  }

  async #read(listener: ConsumerListener): Promise<void> {
    const { signal } = this.#stopped;
    const opened = () => {
      this.#failures = 0;
      this.#commit().catch((error) => listener.failed(error));
    };
    while (!signal.aborted) {
      const membership = this.#join(listener, opened);
      this.#membership = membership;
      const failed = await membership.run().then(() => false, (error) => {
        if (!signal.aborted) listener.failed(error);
        return true;
      });
      await membership.leave();
      if (!failed || signal.aborted) continue;
      const pause = Math.min(shortestPause * 2 ** this.#failures++, longestPause);
      await setTimeout(pause, undefined, { signal }).catch(() => {});
    }
    this.#membership = undefined;
  }

  async #commit(): Promise<void> {
    const positions = new Map(this.#uncommitted);
    if (!this.#membership || positions.size === 0) return;
    this.#uncommitted.clear();
    if (await this.#membership.commit(positions)) return;
    for (const [partition, offset] of positions) {
      if (!this.#uncommitted.has(partition)) this.#uncommitted.set(partition, offset);
    }
  }
}
