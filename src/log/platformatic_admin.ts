import { setTimeout } from "node:timers/promises";
import type { Admin } from "@platformatic/kafka";
import type { Offset } from "../record.ts";
import { topicIdOf } from "./brokers.ts";
import type { ClusterAdmin } from "./cluster.ts";
import type { PartitionOffsets } from "./mod.ts";
import { answers, type Library, type PlatformaticClients } from "./platformatic_client.ts";

const earliest = -2n;
const latest = -1n;
/** The isolation level `read_committed`: a transaction that is not ended yet is beyond the end. */
const readCommitted = 1;
/** Milliseconds between two looks at whether a new topic's partitions have leaders, and how many looks. */
const leaderPause = 100;
const leaderLooks = 50;

/** The admin of @platformatic/kafka, which connects when it is used. */
export class PlatformaticAdmin implements ClusterAdmin {
  readonly #admin: Admin;
  /** The library's number for settings of topics. */
  readonly #topicResource: Library["ConfigResourceTypes"]["TOPIC"];

  constructor({ library, options }: PlatformaticClients) {
    this.#admin = new library.Admin(options);
    this.#topicResource = library.ConfigResourceTypes.TOPIC;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async createTopic(topic: string, partitions: number, maxRecordBytes: number | undefined): Promise<void> {
    const configs = maxRecordBytes === undefined
      ? []
      : [{ name: "max.message.bytes", value: String(maxRecordBytes) }];
    try {
      await this.#admin.createTopics({ topics: [topic], partitions, replicas: -1, configs });
    } catch (error) {
      if (!answers(error).includes("TOPIC_ALREADY_EXISTS")) throw error;
    }
    await this.#waitForLeaders(topic);
  }

  async maxRecordBytes(topic: string): Promise<number> {
    const [described] = await this.#admin.describeConfigs({
      resources: [{
        resourceType: this.#topicResource,
        resourceName: topic,
        configurationKeys: ["max.message.bytes"],
      }],
    });
    return Number(described!.configs[0]!.value);
  }

  async topicId(topic: string): Promise<string | undefined> {
    const { topics } = await this.#admin.metadata({ topics: [topic], forceUpdate: true });
    const id = topics.get(topic)!.id as string | undefined;
    // With brokers that know no ids, the library gives the name.
    const digits = id === topic ? undefined : id?.replaceAll("-", "");
    return digits === undefined ? undefined : topicIdOf(Uint8Array.fromHex(digits));
  }

  async offsets(topic: string, group: string, asked?: readonly number[]): Promise<PartitionOffsets[]> {
    const partitions = asked?.toSorted((a, b) => a - b) ?? await this.#partitions(topic);
    const [found] = await this.#admin.listConsumerGroupOffsets({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: partitions }] }],
      // As the other client's adapter does, which says why.
      requireStable: true,
    });
    const committed = new Map(
      found?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) =>
        [partitionIndex, Number(committedOffset)] as const
      ),
    );
    const [low, high] = await Promise.all([earliest, latest].map((at) => this.#list(topic, partitions, at)));
    return partitions.map((partition) => {
      const offset = committed.get(partition) ?? -1;
      return {
        partition,
        earliest: low!.get(partition)!,
        end: high!.get(partition)!,
        committed: offset < 0 ? null : offset,
      };
    });
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    const partitions = await this.#partitions(topic);
    // A partition without such a record answers -1. Its end is asked for before: none that comes is passed over.
    const ends = await this.#list(topic, partitions, latest);
    const found = await this.#list(topic, partitions, BigInt(timestamp));
    return new Map(
      partitions.map((each) => [each, found.get(each)! < 0 ? ends.get(each)! : found.get(each)!]),
    );
  }

  async brokers(): Promise<string[]> {
    const { brokers } = await this.#admin.metadata({ topics: [], forceUpdate: true });
    return Array.from(brokers.values(), ({ host, port }) => `${host}:${port}`);
  }

  failure(what: string, error: unknown): Error {
    return new Error(what, { cause: error });
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }

  async #partitions(topic: string): Promise<number[]> {
    const { topics } = await this.#admin.metadata({ topics: [topic] });
    return Array.from({ length: topics.get(topic)!.partitionsCount }, (_, index) => index);
  }

  /** A topic that was only just made may not be known to every broker. */
  async #waitForLeaders(topic: string): Promise<void> {
    for (let look = 0; look < leaderLooks; look++) {
      const { topics } = await this.#admin.metadata({ topics: [topic], forceUpdate: true });
      if (topics.get(topic)!.partitions.every(({ leader }) => leader >= 0)) return;
      await setTimeout(leaderPause);
    }
  }

  /** The offset of each partition at a timestamp, or at one of Kafka's numbers that stand for its start and its end. */
  async #list(
    topic: string,
    partitions: readonly number[],
    timestamp: bigint,
  ): Promise<Map<number, Offset>> {
    const [listed] = await this.#admin.listOffsets({
      topics: [{
        name: topic,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })),
      }],
      isolationLevel: readCommitted,
    });
    return new Map(
      listed!.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]),
    );
  }
}
