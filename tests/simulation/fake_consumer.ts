import type { ConsumerListener, LogConsumer } from "../../src/log/mod.ts";
import type { Batch, Offset } from "../../src/record.ts";
import { type FakeGroup, mostFetched } from "./fake_log.ts";
import type { Wire } from "./wire.ts";

/** Milliseconds before the owner is asked again for positions that it could not give. */
const assignPause = 500;
/** Milliseconds without a heartbeat after which a member is put out of the group. */
export const sessionTimeout = 6_000;

/** A member of a group at the end of a wire. A seek may come while a fetch is on its way, which then still arrives. */
export class FakeConsumer implements LogConsumer {
  readonly #group: FakeGroup;
  #listener: ConsumerListener | undefined;
  #stopped = false;
  /** The group's, of the last assignment. */
  #generation = 0;
  /** Counts assignments and losses, to know an outdated answer. */
  #assignment = 0;
  #assigned: readonly number[] = [];
  /** Of the topic that was there when the owner was asked for positions. */
  #topicId: string | undefined;
  readonly #positions = new Map<number, Offset>();
  readonly #sought = new Map<number, Offset>();
  readonly #paused = new Set<number>();
  /** Counts a partition's seeks, to know a fetch that was asked for before one. */
  readonly #seeks = new Map<number, number>();
  #fetching = false;
  #turn = 0;

  constructor(group: FakeGroup, readonly wire: Wire) {
    this.#group = group;
  }

  start(listener: ConsumerListener): Promise<void> {
    if (this.#listener) return Promise.reject(new Error("The consumer is started already"));
    this.#listener = listener;
    if (!this.#group.log.topics.has(this.#group.topic)) {
      listener.failed(new Error(`Cannot read topic "${this.#group.topic}": it does not exist`));
    }
    this.#join();
    return Promise.resolve();
  }

  seek(partition: number, offset: Offset): void {
    this.#seeks.set(partition, (this.#seeks.get(partition) ?? 0) + 1);
    if (this.#positions.has(partition)) this.#positions.set(partition, offset);
    else this.#sought.set(partition, offset);
    this.wake();
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition);
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition);
    this.wake();
  }

  async commit(positions: ReadonlyMap<number, Offset>): Promise<void> {
    await this.wire.call("log", "log commit", () => {
      if (!this.#group.has(this)) return;
      for (const [partition, offset] of positions) {
        if (this.#assigned.includes(partition)) this.#group.committed.set(partition, offset);
      }
    });
  }

  async rejoin(): Promise<void> {
    await this.wire.call("log", "log leave", () => this.#group.leave(this));
    this.#join();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#close();
    await this.wire.call("log", "log leave", () => this.#group.leave(this)).catch(() => {
      // Nobody was told: the group finds out by itself.
      this.wire.time.after(sessionTimeout, () => this.#group.leave(this));
    });
  }

  /** The group has not heard of it for too long; when the process goes on, it finds out. */
  lost(): void {
    this.#group.leave(this);
    this.wire.hear(() => {
      this.#close();
      this.#listener?.failed(new Error("the session has timed out"));
      this.#join();
    });
  }

  /** The group has assigned these partitions. */
  assign(generation: number, partitions: readonly number[]): void {
    this.wire.hear(() => {
      if (this.#stopped || generation <= this.#generation) return;
      this.#generation = generation;
      this.#close();
      this.#assigned = partitions;
      this.#ask(this.#assignment);
    });
  }

  /** There may be something to read. */
  wake(): void {
    if (this.#fetching || this.#stopped || this.wire.dead) return;
    if (this.#isAnotherTopic()) return this.wire.hear(() => this.#askAnew());
    const from = this.#next();
    if (!from) return;
    this.#fetching = true;
    const { time, random } = this.wire;
    time.after(random.integer(0, 10), () => this.wire.hear(() => this.#fetch(...from)));
  }

  #join(): void {
    this.wire.time.after(this.wire.random.integer(0, 20), () =>
      this.wire.hear(() => {
        if (!this.#stopped) this.#group.join(this);
      }));
  }

  #close(): void {
    this.#assignment++;
    this.#assigned = [];
    this.#positions.clear();
    this.#sought.clear();
    this.#paused.clear();
  }

  #isAnotherTopic(): boolean {
    const { log, topic } = this.#group;
    return this.#positions.size > 0 && log.topics.has(topic) && log.topicId(topic) !== this.#topicId;
  }

  /** The topic was made anew: the same partitions are assigned anew. */
  #askAnew(): void {
    if (!this.#isAnotherTopic()) return;
    const assigned = this.#assigned;
    this.#close();
    this.#assigned = assigned;
    this.#ask(this.#assignment);
  }

  #ask(assignment: number): void {
    const { log, topic } = this.#group;
    this.#topicId = log.topics.has(topic) ? log.topicId(topic) : undefined;
    const asked = (async () => await this.#listener!.assigned(this.#assigned))();
    asked.then((positions) => {
      if (assignment !== this.#assignment) return;
      for (const partition of this.#assigned) {
        const position = this.#sought.get(partition) ?? positions.get(partition);
        if (position === undefined) throw new Error(`No position was given for partition ${partition}`);
        this.#positions.set(partition, position);
      }
      this.wake();
    }).catch((error) => {
      if (assignment !== this.#assignment) return;
      this.#listener!.failed(error);
      this.wire.time.after(assignPause, () => {
        if (assignment === this.#assignment) this.#ask(assignment);
      });
    });
  }

  /** A partition that has something to read, and from where; in turn. */
  #next(): [partition: number, from: Offset] | undefined {
    const open = [...this.#positions];
    for (let tried = 0; tried < open.length; tried++) {
      const [partition, from] = open[this.#turn++ % open.length]!;
      if (!this.#paused.has(partition) && this.#read(partition, from, 1)) return [partition, from];
    }
    return undefined;
  }

  #fetch(partition: number, from: Offset): void {
    const { time, random, faults } = this.wire;
    const [assignment, seeks] = [this.#assignment, this.#seeks.get(partition)];
    const batch = faults.down.has("log") || this.#isAnotherTopic()
      ? undefined
      : this.#read(partition, from, random.integer(1, this.#group.log.options.fetches ?? mostFetched));
    time.after(random.integer(0, 20), () =>
      this.wire.hear(() => {
        this.#fetching = false;
        const current = assignment === this.#assignment && !this.#stopped;
        if (batch && current && this.#positions.has(partition)) {
          const sought = seeks !== this.#seeks.get(partition);
          if (!sought) this.#positions.set(partition, batch.next);
          if (!sought || random.chance(0.5)) this.#listener!.fetched(batch);
        }
        // A log that is down is asked again after a while.
        if (batch) this.wake();
        else time.after(100, () => this.wake());
      }));
  }

  #read(partition: number, from: Offset, most: number): Batch | undefined {
    return this.#group.log.read(this.#group.topic, partition, from, most);
  }
}
