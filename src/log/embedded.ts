import { ServiceError } from "../errors.ts";
import type { Offset, ProducedRecord } from "../record.ts";
import { EmbeddedConsumer } from "./embedded_consumer.ts";
import { EmbeddedPublisher } from "./embedded_publisher.ts";
import { type Append, EmbeddedStore, type StoredTopic } from "./embedded_store.ts";
import {
  type Log,
  type LogConsumer,
  type LogDescription,
  type PartitionOffsets,
  type Publication,
  type Publisher,
  RecordTooLarge,
  type TopicSettings,
} from "./mod.ts";
import { partitionOf } from "./murmur2.ts";

/** Bytes that a record may grow by on its way to another topic, by headers that say where it came from. */
const recordGrowth = 64 * 1024;

export interface EmbeddedLogOptions {
  /** The SQLite file; it is created when absent. One process at a time may have it open. */
  readonly file: string;
  /** The most bytes of key, value and headers that new topics take in a record. Default: 1 MiB, as Kafka's. */
  readonly maxRecordBytes?: number;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/**
 * Topics in a file of this machine, for when there is no Kafka. A group has one member, which gets all partitions, and
 * records are kept for ever. `produce` writes through to the disk on the calling thread.
 *
 * @throws {ServiceError} when the file cannot be opened or is not an embedded log.
 */
export function openEmbeddedLog(options: EmbeddedLogOptions): Log {
  const { file, maxRecordBytes = 1024 * 1024, now = Date.now } = options;
  try {
    return new EmbeddedLog(new EmbeddedStore(file), file, maxRecordBytes, now);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceError(
      `Cannot open the embedded log at ${file}: ${reason}; check that the folder can be written, or use another`,
      { cause: error },
    );
  }
}

class EmbeddedLog implements Log {
  readonly kind = "embedded";
  readonly #store: EmbeddedStore;
  readonly #file: string;
  readonly #maxRecordBytes: number;
  readonly #now: () => number;
  readonly #consumers = new Set<EmbeddedConsumer>();
  /** Of each id, the publisher that was opened last. */
  readonly #publishers = new Map<string, Publisher>();
  /** Counts records without a key, which go to the partitions in turn. */
  #turn = 0;
  #closed = false;

  constructor(store: EmbeddedStore, file: string, maxRecordBytes: number, now: () => number) {
    this.#store = store;
    this.#file = file;
    this.#maxRecordBytes = maxRecordBytes;
    this.#now = now;
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async createTopic(topic: string, { partitions, asLargeAs = [] }: TopicSettings): Promise<void> {
    if (this.#store.topic(topic)) return;
    const models = asLargeAs.map((model) => this.#store.topic(model)).filter((each) => each !== undefined);
    const largest = Math.max(...models.map(({ maxRecordBytes }) => maxRecordBytes + recordGrowth));
    this.#store.createTopic(topic, partitions, models.length > 0 ? largest : this.#maxRecordBytes);
    this.#wake(topic);
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    if (records.length === 0) return;
    this.#store.write([this.#append(topic, records)], [], this.#now());
    this.#wake(topic);
  }

  consumer(topic: string, group: string): LogConsumer {
    return new EmbeddedConsumer(
      {
        store: this.#store,
        join: (consumer) => this.#join(consumer),
        leave: (consumer) => this.#consumers.delete(consumer),
      },
      topic,
      group,
    );
  }

  publisher(id: string): Publisher {
    return new EmbeddedPublisher(id, this.#publishers, (publication) => this.#publish(publication));
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async topicId(topic: string): Promise<string> {
    return this.#topic(topic).uuid;
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async offsets(topic: string, group: string, asked?: readonly number[]): Promise<PartitionOffsets[]> {
    const stored = this.#topic(topic);
    const committed = this.#store.committed(stored, group);
    const partitions = [...stored.ends.keys()].filter((partition) => asked?.includes(partition) ?? true);
    return partitions.map((partition) => ({
      partition,
      earliest: this.#store.earliest(stored, partition),
      end: stored.ends[partition]!,
      committed: committed.get(partition) ?? null,
    }));
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    const stored = this.#topic(topic);
    return new Map(
      stored.ends.map((_, partition) => [partition, this.#store.offsetAt(stored, partition, timestamp)]),
    );
  }

  describe(): Promise<LogDescription> {
    return Promise.resolve({ detail: `topics in ${this.#file}`, brokers: 1 });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#store.close();
  }

  #publish({ records, cursors }: Publication): void {
    const byTopic = Map.groupBy(records, ({ topic }) => topic);
    const appends = Array.from(
      byTopic,
      ([topic, own]) => this.#append(topic, own.map(({ record }) => record)),
    );
    const commits = cursors.map(({ topic, ...rest }) => ({ topic: this.#topic(topic), ...rest }));
    this.#store.write(appends, commits, this.#now());
    for (const topic of byTopic.keys()) this.#wake(topic);
  }

  /** Finds each record's partition, and refuses what the topic does not take. */
  #append(topic: string, records: readonly ProducedRecord[]): Append {
    const stored = this.#topic(topic);
    for (const record of records) {
      const size = recordSize(record);
      if (size <= stored.maxRecordBytes) continue;
      throw new RecordTooLarge(
        `A record of ${size} bytes is larger than topic "${topic}" takes, which is ${stored.maxRecordBytes}`,
        record,
      );
    }
    const partitions = records.map((record) => this.#partition(topic, stored, record));
    return { topic: stored, records, partitions };
  }

  #topic(name: string): StoredTopic {
    const topic = this.#store.topic(name);
    if (!topic) throw new Error(`Topic "${name}" does not exist`);
    return topic;
  }

  #partition(name: string, { partitions }: StoredTopic, record: ProducedRecord): number {
    const partition = record.partition ??
      (record.key ? partitionOf(record.key, partitions) : this.#turn++ % partitions);
    if (!(partition >= 0 && partition < partitions)) {
      throw new RangeError(`Topic "${name}" has no partition ${partition}, only 0 to ${partitions - 1}`);
    }
    return partition;
  }

  #join(consumer: EmbeddedConsumer): void {
    const { topic, group } = consumer;
    if ([...this.#consumers].some((other) => other.topic === topic && other.group === group)) {
      throw new Error(
        `Group "${group}" reads topic "${topic}" already, and a group has one member in the embedded log; ` +
          "set KAFKA_BROKERS to share the partitions",
      );
    }
    this.#consumers.add(consumer);
  }

  #wake(topic: string): void {
    for (const consumer of this.#consumers) if (consumer.topic === topic) consumer.wake();
  }
}

function recordSize({ key, value, headers }: ProducedRecord): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) size += header.key.length + (header.value?.length ?? 0);
  return size;
}
