import { setTimeout } from "node:timers/promises";
import type { Admin } from "@platformatic/kafka";
import type { Offset, ProducedRecord } from "../record.ts";
import {
  closeTimeout,
  type KafkaSettings,
  openTimeout,
  recordGrowth,
  topicIdOf,
  unreachable,
  within,
} from "./brokers.ts";
import { GroupConsumer } from "./group_consumer.ts";
import type {
  ConsumerListener,
  Log,
  LogConsumer,
  LogDescription,
  PartitionOffsets,
  Publisher,
  TopicSettings,
} from "./mod.ts";
import {
  answers,
  isAbsent,
  isLoginRefused,
  loadPlatformatic,
  type PlatformaticClients,
} from "./platformatic_client.ts";
import { PlatformaticMembership } from "./platformatic_membership.ts";
import { isTooLarge, PlatformaticProducer } from "./platformatic_producer.ts";
import { PlatformaticTransactionalProducer } from "./platformatic_transactional_producer.ts";
import { KafkaPublisher } from "./publisher.ts";
import { TopicWriter } from "./topic_writer.ts";

const earliest = -2n;
const latest = -1n;
/** The isolation level `read_committed`: a transaction that is not ended yet is beyond the end. */
const readCommitted = 1;
/** Milliseconds between two looks at whether a new topic's partitions have leaders, and how many looks. */
const leaderPause = 100;
const leaderLooks = 50;

/**
 * Connects to a Kafka with @platformatic/kafka.
 *
 * @throws {ServiceError} within about 10 seconds when no broker answers or the login is refused.
 */
export async function openPlatformatic(settings: KafkaSettings): Promise<Log> {
  const log = new PlatformaticLog(await loadPlatformatic(settings));
  try {
    await within(openTimeout, log.describe());
    return log;
  } catch (error) {
    log.close().catch(() => {});
    throw unreachable(settings, error, isLoginRefused(error));
  }
}

class PlatformaticLog implements Log {
  readonly kind = "kafka";
  readonly #clients: PlatformaticClients;
  readonly #writers = new Map<string, TopicWriter>();
  readonly #consumers: GroupConsumer[] = [];
  readonly #requestBytes = new Map<string, number>();
  #admin: Admin | undefined;

  constructor(clients: PlatformaticClients) {
    this.#clients = clients;
  }

  createTopic(topic: string, { partitions, asLargeAs }: TopicSettings): Promise<void> {
    return this.#ask(`create topic "${topic}"`, async (admin) => {
      const largest = asLargeAs === undefined ? undefined : await this.#largestRecord(admin, asLargeAs);
      const configs = largest === undefined
        ? []
        : [{ name: "max.message.bytes", value: String(largest + recordGrowth) }];
      try {
        await admin.createTopics({ topics: [topic], partitions, replicas: -1, configs });
      } catch (error) {
        if (!answers(error).includes("TOPIC_ALREADY_EXISTS")) throw error;
      }
      await waitForLeaders(admin, topic);
    });
  }

  produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    let writer = this.#writers.get(topic);
    if (!writer) {
      writer = new TopicWriter(topic, () => new PlatformaticProducer(topic, this.#clients), isTooLarge);
      this.#writers.set(topic, writer);
    }
    return writer.write(records);
  }

  consumer(topic: string, group: string): LogConsumer {
    const join = (listener: ConsumerListener, opened: () => void) =>
      new PlatformaticMembership(this.#clients, topic, group, listener, opened);
    const consumer = new GroupConsumer(topic, join);
    this.#consumers.push(consumer);
    return consumer;
  }

  publisher(id: string): Publisher {
    const producer = new PlatformaticTransactionalProducer(id, this.#clients);
    return new KafkaPublisher({ producer, requestBytes: this.#requestBytes, isTooLarge });
  }

  topicId(topic: string): Promise<string | undefined> {
    return this.#ask(`read the id of topic "${topic}"`, async (admin) => {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      const id = topics.get(topic)!.id as string | undefined;
      // With brokers that know no ids, the library gives the name.
      const digits = id === topic ? undefined : id?.replaceAll("-", "");
      return digits === undefined ? undefined : topicIdOf(Uint8Array.fromHex(digits));
    });
  }

  offsets(topic: string, group: string, asked?: readonly number[]): Promise<PartitionOffsets[]> {
    return this.#ask(`read the offsets of topic "${topic}"`, async (admin) => {
      const partitions = [...asked ?? await partitionsOf(admin, topic)].sort((a, b) => a - b);
      const [groupOffsets] = await admin.listConsumerGroupOffsets({
        groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: partitions }] }],
        // As the other client's adapter does, which says why.
        requireStable: true,
      });
      const committed = new Map(
        groupOffsets?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) =>
          [partitionIndex, Number(committedOffset)] as const
        ),
      );
      const list = (timestamp: bigint) => listOffsets(admin, topic, partitions, timestamp);
      const [low, high] = await Promise.all([list(earliest), list(latest)]);
      return partitions.map((partition) => {
        const offset = committed.get(partition) ?? -1;
        return {
          partition,
          earliest: low.get(partition)!,
          end: high.get(partition)!,
          committed: offset < 0 ? null : offset,
        };
      });
    });
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    return this.#ask(`find the records of topic "${topic}" by time`, async (admin) => {
      const partitions = await partitionsOf(admin, topic);
      // A partition without such a record answers -1. Its end is asked for before: none that comes is passed over.
      const ends = await listOffsets(admin, topic, partitions, latest);
      const found = await listOffsets(admin, topic, partitions, BigInt(timestamp));
      return new Map(
        partitions.map((each) => [each, found.get(each)! < 0 ? ends.get(each)! : found.get(each)!]),
      );
    });
  }

  describe(): Promise<LogDescription> {
    return this.#ask("reach Kafka", async (admin) => {
      const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
      const at = Array.from(brokers.values(), ({ host, port }) => `${host}:${port}`).sort().join(",");
      return {
        detail: `${brokers.size} ${brokers.size === 1 ? "broker" : "brokers"} at ${at}`,
        brokers: brokers.size,
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    const closing = [...this.#writers.values()].map((writer) => writer.close());
    if (this.#admin) closing.push(this.#admin.close());
    this.#admin = undefined;
    await within(closeTimeout, Promise.allSettled(closing)).catch(() => {});
  }

  /** Runs a request on the shared connection, which is made anew after an error. */
  async #ask<T>(what: string, request: (admin: Admin) => Promise<T>): Promise<T> {
    const { library, options } = this.#clients;
    const admin = this.#admin ??= new library.Admin(options);
    try {
      return await request(admin);
    } catch (error) {
      if (this.#admin === admin) this.#admin = undefined;
      admin.close().catch(() => {});
      const absent = isAbsent(error) ? ": the topic does not exist" : "";
      throw new Error(`Cannot ${what}${absent}`, { cause: error });
    }
  }

  /** The largest record batch that a topic takes; undefined when there is no such topic. */
  async #largestRecord(admin: Admin, topic: string): Promise<number | undefined> {
    try {
      const resourceType = this.#clients.library.ConfigResourceTypes.TOPIC;
      const [described] = await admin.describeConfigs({
        resources: [{ resourceType, resourceName: topic, configurationKeys: ["max.message.bytes"] }],
      });
      return Number(described!.configs[0]!.value);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }
}

/** A topic that was only just made may not be known to every broker. */
async function waitForLeaders(admin: Admin, topic: string): Promise<void> {
  for (let look = 0; look < leaderLooks; look++) {
    const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
    if (topics.get(topic)!.partitions.every(({ leader }) => leader >= 0)) return;
    await setTimeout(leaderPause);
  }
}

async function partitionsOf(admin: Admin, topic: string): Promise<number[]> {
  const { topics } = await admin.metadata({ topics: [topic] });
  return Array.from({ length: topics.get(topic)!.partitionsCount }, (_, index) => index);
}

/** The offset of each partition at a timestamp, or at one of Kafka's numbers that stand for its start and its end. */
async function listOffsets(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<Map<number, Offset>> {
  const [listed] = await admin.listOffsets({
    topics: [{
      name: topic,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })),
    }],
    isolationLevel: readCommitted,
  });
  return new Map(listed!.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]));
}
