/** Kafka as another program sees it, through a plain client. */
import { Buffer } from "node:buffer";
import type { Admin, Kafka, Producer } from "kafkajs";
import { type CommittedRecord, readCommitted } from "../committed_records.ts";
import { uniqueName } from "../env.ts";
import { makeTopic } from "../other_client.ts";
import type { Sent } from "./orders.ts";
import { until } from "./until.ts";

/** A record as it stands in a topic, without its headers. */
export type RawRecord = Omit<CommittedRecord, "headers">;

export class KafkaClient implements AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly #broker: string;
  readonly #producer: Producer;

  private constructor(kafka: Kafka, broker: string) {
    this.#broker = broker;
    this.kafka = kafka;
    this.admin = kafka.admin();
    this.#producer = kafka.producer({ metadataMaxAge: 1_000, idempotent: true });
  }

  /** @param broker `host:port`. */
  static async connect(broker: string): Promise<KafkaClient> {
    const { Kafka, logLevel } = await import("kafkajs");
    const client = new KafkaClient(
      // A broker that is started again is waited for, about two minutes.
      new Kafka({
        brokers: [broker],
        logLevel: logLevel.NOTHING,
        retry: { retries: 60, maxRetryTime: 2_000, initialRetryTime: 100 },
      }),
      broker,
    );
    await Promise.all([client.admin.connect(), client.#producer.connect()]);
    return client;
  }

  async createTopic(topic: string, numPartitions: number): Promise<void> {
    // One that is being deleted cannot be made at once.
    await until("the topic is made", () => makeTopic(this.admin, { topic, numPartitions }));
  }

  async produce(topic: string, records: readonly Sent[]): Promise<void> {
    for (let at = 0; at < records.length; at += 1_000) {
      const messages = records.slice(at, at + 1_000).map(({ key, value, partition, timestamp }) => ({
        key,
        value: value && Buffer.from(value),
        ...(partition !== undefined && { partition }),
        ...(timestamp !== undefined && { timestamp: `${timestamp}` }),
      }));
      await this.#producer.send({ topic, messages, acks: -1 });
    }
  }

  /** The offset that the next record of each partition will get. A broker that has just started is waited for. */
  async ends(topic: string): Promise<Map<number, number>> {
    const ends = new Map<number, number>();
    await until("Kafka tells where its partitions end", async () => {
      for (const { partition, high } of await this.admin.fetchTopicOffsets(topic)) {
        ends.set(partition, Number(high));
      }
      return true;
    });
    return ends;
  }

  /** All records of a topic that holds no transactions. */
  async dump(topic: string): Promise<RawRecord[]> {
    const offsets = await this.admin.fetchTopicOffsets(topic);
    const filled = offsets.filter(({ low, high }) => low !== high);
    return await this.#readTo(
      topic,
      new Map(filled.map(({ partition, high }) => [partition, Number(high) - 1])),
    );
  }

  /** All that a `read_committed` reader sees in a topic that may hold transactions. A broker that has just started is waited for. */
  async dumpCommitted(topic: string): Promise<CommittedRecord[]> {
    await this.ends(topic);
    return await readCommitted(topic, { broker: this.#broker });
  }

  async #readTo(topic: string, last: ReadonlyMap<number, number>): Promise<RawRecord[]> {
    const records: RawRecord[] = [];
    const left = new Set(last.keys());
    if (left.size === 0) return records;
    const done = Promise.withResolvers<void>();
    const consumer = this.kafka.consumer({ groupId: uniqueName("dump"), maxBytesPerPartition: 16 << 20 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { partition, messages } }) => {
        for (const { offset, timestamp, key, value } of messages) {
          const at = Number(offset);
          if (at > (last.get(partition) ?? -1)) continue;
          const text = key?.toString() ?? null;
          records.push({ partition, offset: at, timestamp: Number(timestamp), key: text, value });
          if (at === last.get(partition)) left.delete(partition);
        }
        if (left.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
    await consumer.disconnect();
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#producer.disconnect(), this.admin.disconnect()]);
  }
}
