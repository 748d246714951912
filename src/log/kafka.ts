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
import { fetchStableOffsets, fetchTopicId, type OpenAdmin, openAdmin } from "./kafka_requests.ts";
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
import { KafkaPublisher, onceEnded } from "./publisher.ts";
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
  #open: Connection | undefined;

  constructor(clients: KafkaClients) {
    this.#clients = clients;
  }

  createTopic(topic: string, { partitions, asLargeAs }: TopicSettings): Promise<void> {
    return this.#ask(`create topic "${topic}"`, async ({ admin }) => {
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

  topicId(topic: string): Promise<string | undefined> {
    return this.#ask(`read the id of topic "${topic}"`, ({ client, cluster }) => {
      return fetchTopicId(client.protocol, cluster, topic);
    });
  }

  offsets(topic: string, group: string, partitions?: readonly number[]): Promise<PartitionOffsets[]> {
    return this.#ask(`read the offsets of topic "${topic}"`, async (open) => {
      const asked = partitions ?? await partitionsOf(open, topic);
      const committed = await committedOffsets(open, topic, group, asked);
      const topicOffsets = await open.admin.fetchTopicOffsets(topic);
      return topicOffsets.filter(({ partition }) => asked.includes(partition)).map(
        ({ partition, low, high }) => {
          const offset = committed.get(partition) ?? -1;
          return {
            partition,
            earliest: Number(low),
            end: Number(high),
            committed: offset < 0 ? null : offset,
          };
        },
      ).sort((a, b) => a.partition - b.partition);
    });
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    return this.#ask(`find the records of topic "${topic}" by time`, async ({ admin }) => {
      // It gives the end where there is no such record.
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    });
  }

  describe(): Promise<LogDescription> {
    return this.#ask("reach Kafka", async ({ admin }) => {
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
  async #ask<T>(what: string, request: (open: Connection) => Promise<T>): Promise<T> {
    const open = this.#open ??= this.#connect();
    try {
      await open.admin.connect();
      return await request(open);
    } catch (error) {
      if (this.#open === open) this.#open = undefined;
      open.admin.disconnect().catch(() => {});
      const absent = errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION" ? ": the topic does not exist" : "";
      throw open.client.failure(`Cannot ${what}${absent}`, error);
    }
  }

  #connect(): Connection {
    const client = this.#clients();
    return { ...openAdmin(client.kafka), client };
  }
}

/** What requests are sent by. */
interface Connection extends OpenAdmin {
  readonly client: KafkaClient;
}

async function partitionsOf({ cluster }: OpenAdmin, topic: string): Promise<number[]> {
  await cluster.addTargetTopic(topic);
  await cluster.refreshMetadataIfNecessary();
  return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
}

/**
 * What a group has committed. Cursors that a transaction has moved are waited for until it is ended for all to see:
 * older brokers tell the next publisher of its id that it is ended a moment before they show the offsets.
 */
async function committedOffsets(
  { admin, cluster, client: { protocol } }: Connection,
  topic: string,
  group: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, Offset>> {
  const stable = await onceEnded(
    () => fetchStableOffsets(protocol, cluster, group, topic, partitions),
    (error) => errorType(error) === "UNSTABLE_OFFSET_COMMIT",
  );
  if (stable) return stable;
  const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
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
