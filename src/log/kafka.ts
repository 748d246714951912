import type { Admin } from "kafkajs";
import type { Offset, ProducedRecord } from "../record.ts";
import {
  closeTimeout,
  type KafkaSettings,
  openTimeout,
  recordGrowth,
  unreachable,
  within,
} from "./brokers.ts";
import { GroupConsumer } from "./group_consumer.ts";
import {
  errorType,
  isLoginRefused,
  type KafkaClient,
  type KafkaClients,
  loadKafkaClients,
} from "./kafka_client.ts";
import { KafkaMembership } from "./kafka_membership.ts";
import { isTooLarge, KafkaProducer } from "./kafka_producer.ts";
import { KafkaTransactionalProducer } from "./kafka_transactional_producer.ts";
import type {
  ConsumerListener,
  Log,
  LogConsumer,
  LogDescription,
  PartitionOffsets,
  Publisher,
  TopicSettings,
} from "./mod.ts";
import { KafkaPublisher } from "./publisher.ts";
import { TopicWriter } from "./topic_writer.ts";

/** kafkajs does not export this as a value without loading it: `ConfigResourceTypes.TOPIC`. */
const topicResource = 2;

/**
 * Connects to a Kafka with kafkajs.
 *
 * @throws {ServiceError} within about 10 seconds when no broker answers or the login is refused.
 */
export async function openKafka(settings: KafkaSettings): Promise<Log> {
  const log = new KafkaLog(await loadKafkaClients(settings));
  try {
    await within(openTimeout, log.describe());
    return log;
  } catch (error) {
    log.close().catch(() => {});
    throw unreachable(settings, error, isLoginRefused(error));
  }
}

class KafkaLog implements Log {
  readonly kind = "kafka";
  readonly #clients: KafkaClients;
  readonly #writers = new Map<string, TopicWriter>();
  readonly #consumers: GroupConsumer[] = [];
  readonly #requestBytes = new Map<string, number>();
  #open: { readonly admin: Admin; readonly client: KafkaClient } | undefined;

  constructor(clients: KafkaClients) {
    this.#clients = clients;
  }

  createTopic(topic: string, { partitions, asLargeAs }: TopicSettings): Promise<void> {
    return this.#ask(`create topic "${topic}"`, async (admin) => {
      const largest = asLargeAs === undefined ? undefined : await largestRecord(admin, asLargeAs);
      await admin.createTopics({
        topics: [{
          topic,
          numPartitions: partitions,
          replicationFactor: -1,
          configEntries: largest === undefined
            ? []
            : [{ name: "max.message.bytes", value: String(largest + recordGrowth) }],
        }],
        waitForLeaders: true,
      });
    });
  }

  produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    let writer = this.#writers.get(topic);
    if (!writer) {
      writer = new TopicWriter(topic, () => new KafkaProducer(topic, this.#clients()), isTooLarge);
      this.#writers.set(topic, writer);
    }
    return writer.write(records);
  }

  consumer(topic: string, group: string): LogConsumer {
    const join = (listener: ConsumerListener, opened: () => void) =>
      new KafkaMembership(this.#clients(), topic, group, listener, opened);
    const consumer = new GroupConsumer(topic, join);
    this.#consumers.push(consumer);
    return consumer;
  }

  publisher(id: string): Publisher {
    const producer = new KafkaTransactionalProducer(id, this.#clients());
    return new KafkaPublisher({ producer, requestBytes: this.#requestBytes, isTooLarge });
  }

  offsets(topic: string, group: string): Promise<PartitionOffsets[]> {
    return this.#ask(`read the offsets of topic "${topic}"`, async (admin) => {
      const groupOffsets = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const committed = new Map(
        groupOffsets[0]?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
      );
      const topicOffsets = await admin.fetchTopicOffsets(topic);
      return topicOffsets.map(({ partition, low, high }) => {
        const offset = committed.get(partition) ?? -1;
        return {
          partition,
          earliest: Number(low),
          end: Number(high),
          committed: offset < 0 ? null : offset,
        };
      }).sort((a, b) => a.partition - b.partition);
    });
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    return this.#ask(`find the records of topic "${topic}" by time`, async (admin) => {
      // It gives the end where there is no such record.
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    });
  }

  describe(): Promise<LogDescription> {
    return this.#ask("reach Kafka", async (admin) => {
      const { brokers } = await admin.describeCluster();
      const at = brokers.map(({ host, port }) => `${host}:${port}`).sort().join(",");
      return {
        detail: `${brokers.length} ${brokers.length === 1 ? "broker" : "brokers"} at ${at}`,
        brokers: brokers.length,
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    const closing = [...this.#writers.values()].map((writer) => writer.close());
    if (this.#open) closing.push(this.#open.admin.disconnect());
    this.#open = undefined;
    await within(closeTimeout, Promise.allSettled(closing)).catch(() => {});
  }

  /** Runs a request on the shared connection, which is made anew after an error. */
  async #ask<T>(what: string, request: (admin: Admin) => Promise<T>): Promise<T> {
    const open = this.#open ??= this.#connect();
    try {
      await open.admin.connect();
      return await request(open.admin);
    } catch (error) {
      if (this.#open === open) this.#open = undefined;
      open.admin.disconnect().catch(() => {});
      const absent = errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION" ? ": the topic does not exist" : "";
      throw open.client.failure(`Cannot ${what}${absent}`, error);
    }
  }

  #connect(): { admin: Admin; client: KafkaClient } {
    const client = this.#clients();
    return { admin: client.kafka.admin(), client };
  }
}

/** The largest record batch that a topic takes; undefined when there is no such topic. */
async function largestRecord(admin: Admin, topic: string): Promise<number | undefined> {
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: topicResource, name: topic, configNames: ["max.message.bytes"] }],
    });
    return Number(resources[0]!.configEntries[0]!.configValue);
  } catch (error) {
    if (errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
    throw error;
  }
}
