import { Fenced } from "../../src/errors.ts";
import {
  type Log,
  type PartitionOffsets,
  type Publication,
  type Publisher,
  RecordTooLarge,
} from "../../src/log/mod.ts";
import { partitionOf } from "../../src/log/murmur2.ts";
import type { Batch, Offset, ProducedRecord, SourceRecord } from "../../src/record.ts";
import type { Seeded } from "../support/seeded.ts";
import { FakeConsumer } from "./fake_consumer.ts";
import { FakePublisher } from "./fake_publisher.ts";
import type { Timers } from "./held_time.ts";
import type { Wire } from "./wire.ts";
import { packRecords } from "../../src/packed_records.ts";

export interface FakeLogOptions {
  readonly time: Timers;
  readonly random: Seeded;
  readonly trace: (line: string) => void;
  /** The most offsets that a fetch brings. Default: {@linkcode mostFetched}. */
  readonly fetches?: number;
}

/** Few, so that a partition's records come in many batches. */
export const mostFetched = 12;

/** Topics in memory, and the groups that read them. */
export class FakeLog {
  readonly options: FakeLogOptions;
  /** By topic and partition; null is an offset that no reader gets a record for, as a transaction's marker. */
  readonly topics = new Map<string, (SourceRecord | null)[][]>();
  readonly #ids = new Map<string, string>();
  #made = 0;
  /** The most bytes of a record's value that a topic takes. */
  readonly #limits = new Map<string, number>();
  /** Where partitions start whose first records were deleted. */
  readonly #earliest = new Map<string, Offset>();
  readonly #groups = new Map<string, FakeGroup>();
  /** Of each id, the publisher that has it. */
  readonly publishers = new Map<string, Publisher>();
  #turn = 0;

  constructor(options: FakeLogOptions) {
    this.options = options;
  }

  /** The log as the process at the end of a wire has it. */
  connect(wire: Wire): Log {
    const call = <T>(what: string, action: () => T) => wire.call("log", `log ${what}`, action);
    return {
      kind: "kafka",
      createTopic: (topic, { partitions, asLargeAs = [] }) =>
        call(`create ${topic}`, () => {
          const limits = asLargeAs.map((model) => this.#limits.get(model)).filter((each) =>
            each !== undefined
          );
          this.createTopic(topic, partitions, limits.length > 0 ? Math.max(...limits) : undefined);
        }),
      produce: (topic, records) =>
        wire.call(
          "log",
          `log produce ${records.length} to ${topic}`,
          () => this.append(topic, records),
          `produce ${topic}`,
        ),
      consumer: (topic, group) => new FakeConsumer(this.group(topic, group), wire),
      publisher: (id) => new FakePublisher(this, id, wire),
      topicId: (topic) => call("topicId", () => this.topicId(topic)),
      offsets: (topic, group, partitions) => call("offsets", () => this.offsets(topic, group, partitions)),
      offsetsAt: (topic, timestamp) => call("offsetsAt", () => this.offsetsAt(topic, timestamp)),
      describe: () => call("describe", () => ({ detail: "1 broker at memory:1", brokers: 1 })),
      close: () => Promise.resolve(),
    };
  }

  createTopic(topic: string, partitions: number, maxValueBytes = 1_000_000): void {
    if (this.topics.has(topic)) return;
    this.#limits.set(topic, maxValueBytes);
    this.#ids.set(topic, `topic-number-${++this.#made}-of-the-log`);
    this.topics.set(topic, Array.from({ length: partitions }, () => []));
    this.#wake(topic);
  }

  /** As an administrator does who makes it anew at once. `keepCursors`: what groups have committed in it stays. */
  recreateTopic(topic: string, { keepCursors = false } = {}): void {
    const partitions = this.#topic(topic).length;
    this.topics.delete(topic);
    for (const group of this.#groups.values()) {
      if (group.topic === topic && !keepCursors) group.committed.clear();
    }
    this.createTopic(topic, partitions, this.#limits.get(topic));
  }

  topicId(topic: string): string {
    this.#topic(topic);
    return this.#ids.get(topic)!;
  }

  addPartition(topic: string): void {
    this.topics.get(topic)!.push([]);
    for (const group of this.#groups.values()) if (group.topic === topic) group.rebalance();
  }

  append(topic: string, records: readonly ProducedRecord[]): void {
    const partitions = this.#topic(topic);
    for (const record of records) this.#check(topic, record);
    for (const { key, value, headers, timestamp = Math.floor(this.options.time.now), partition } of records) {
      const to = partition ??
        (key ? partitionOf(key, partitions.length) : this.#turn++ % partitions.length);
      const records = partitions[to];
      if (!records) {
        throw new RangeError(`Topic "${topic}" has no partition ${to}, only 0 to ${partitions.length - 1}`);
      }
      records.push({ offset: records.length, timestamp, key, value, headers });
    }
    this.#wake(topic);
  }

  /** @throws {Fenced} when a later publisher has the id. */
  checkPublisher(publisher: FakePublisher): void {
    if (this.publishers.get(publisher.id) !== publisher) {
      throw new Fenced(`a later one has taken ${publisher.id}`);
    }
  }

  /** All or nothing. */
  publish({ records, cursors }: Publication): void {
    for (const { topic, record } of records) this.#check(topic, record);
    for (const { topic, record } of records) this.append(topic, [record]);
    for (const { group, topic, partition, offset } of cursors) {
      this.group(topic, group).committed.set(partition, offset);
    }
  }

  /** Sets cursors as `weir offsets reset` does: whoever publishes is fenced by it. */
  setCursors(topic: string, group: string, positions: ReadonlyMap<number, Offset>): void {
    this.publishers.clear();
    for (const [partition, offset] of positions) this.group(topic, group).committed.set(partition, offset);
  }

  #check(topic: string, record: ProducedRecord): void {
    const size = record.value?.length ?? 0;
    if (size <= this.#limits.get(topic)!) return;
    throw new RecordTooLarge(`A record of ${size} bytes is larger than topic "${topic}" takes`, record);
  }

  /** Takes an offset that readers get no record for. */
  appendMarker(topic: string, partition: number): void {
    this.#topic(topic)[partition]!.push(null);
    this.#wake(topic);
  }

  /** As retention does. */
  deleteBefore(topic: string, partition: number, offset: Offset): void {
    this.#earliest.set(`${topic} ${partition}`, offset);
  }

  offsets(topic: string, group: string, asked?: readonly number[]): PartitionOffsets[] {
    const { committed } = this.group(topic, group);
    return this.#topic(topic).map((records, partition) => ({
      partition,
      earliest: this.#earliest.get(`${topic} ${partition}`) ?? 0,
      end: records.length,
      committed: committed.get(partition) ?? null,
    })).filter(({ partition }) => asked?.includes(partition) ?? true);
  }

  offsetsAt(topic: string, timestamp: number): Map<number, Offset> {
    return new Map(
      this.#topic(topic).map((records, partition) => {
        const found = records.findIndex((record) => record !== null && record.timestamp >= timestamp);
        return [partition, found < 0 ? records.length : found];
      }),
    );
  }

  /** A process has not been heard of for too long. */
  lose(wire: Wire): void {
    for (const group of this.#groups.values()) group.lose(wire);
  }

  group(topic: string, name: string): FakeGroup {
    const id = JSON.stringify([topic, name]);
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, group = new FakeGroup(this, topic));
    return group;
  }

  /** What a fetch from an offset brings; undefined at the end. */
  read(topic: string, partition: number, from: Offset, most: number): Batch | undefined {
    const all = this.#topic(topic)[partition]!;
    if (from >= all.length) return undefined;
    const next = Math.min(all.length, from + most);
    return {
      partition,
      from,
      next,
      records: packRecords(all.slice(from, next).filter((record) => record !== null)),
    };
  }

  #topic(name: string): (SourceRecord | null)[][] {
    const topic = this.topics.get(name);
    if (!topic) throw new Error(`Topic "${name}" does not exist`);
    return topic;
  }

  #wake(topic: string): void {
    for (const group of this.#groups.values()) if (group.topic === topic) group.wake();
  }
}

/** One with a bug: it lets publishers go on whose ids others have taken over. */
export class UnfencedLog extends FakeLog {
  override checkPublisher(): void {}
}

/** A consumer group: shares the partitions among its members, anew with each that comes or goes. */
export class FakeGroup {
  readonly committed = new Map<number, Offset>();
  #members: FakeConsumer[] = [];
  #generation = 0;
  #pending = false;

  constructor(readonly log: FakeLog, readonly topic: string) {}

  has(member: FakeConsumer): boolean {
    return this.#members.includes(member);
  }

  join(member: FakeConsumer): void {
    if (!this.has(member)) this.#members.push(member);
    this.rebalance();
  }

  /** A member has left, or was not heard of for too long. */
  leave(member: FakeConsumer): void {
    if (!this.has(member)) return;
    this.#members = this.#members.filter((each) => each !== member);
    this.rebalance();
  }

  lose(wire: Wire): void {
    for (const member of this.#members) if (member.wire === wire) member.lost();
  }

  /** Assigns all partitions anew. Members get to know one after the other; until then they go on with what they had. */
  rebalance(): void {
    if (this.#pending) return;
    this.#pending = true;
    const { time, random, trace } = this.log.options;
    time.after(random.integer(0, 50), () => {
      this.#pending = false;
      const partitions = this.log.topics.get(this.topic);
      if (!partitions || this.#members.length === 0) return;
      const generation = ++this.#generation;
      const turn = random.integer(0, this.#members.length - 1);
      this.#members.forEach((member, i) => {
        const own = [...partitions.keys()].filter((partition) =>
          (partition + turn) % this.#members.length === i
        );
        trace(`generation ${generation}: ${member.wire.name} gets ${own.join(",") || "nothing"}`);
        time.after(random.integer(0, 30), () => member.assign(generation, own));
      });
    });
  }

  wake(): void {
    for (const member of this.#members) member.wake();
  }
}
