import { setTimeout } from "node:timers/promises";
import type { Admin } from "kafkajs";
import type { Offset } from "../record.ts";
import { openTimeout } from "./brokers.ts";
import type { ClusterAdmin } from "./cluster.ts";
import { errorType, type KafkaClient } from "./kafka_client.ts";
import { type Cluster, fetchStableOffsets, fetchTopicId, openAdmin } from "./kafka_requests.ts";
import type { PartitionOffsets } from "./mod.ts";
import { onceEnded } from "./publisher.ts";

/** kafkajs does not export this as a value without loading it: `ConfigResourceTypes.TOPIC`. */
const topicResource = 2;

/** Milliseconds between looks at whether a new topic's partitions have leaders. */
const leaderPause = 50;
/** What a broker says of a topic that it has not heard of yet, or that has no leader yet. */
const comingTopic = ["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"];

/** kafkajs's admin, and newer requests than it has. */
export class KafkajsAdmin implements ClusterAdmin {
  readonly #client: KafkaClient;
  readonly #admin: Admin;
  readonly #cluster: Cluster;

  constructor(client: KafkaClient) {
    this.#client = client;
    const { admin, cluster } = openAdmin(client.kafka);
    this.#admin = admin;
    this.#cluster = cluster;
  }

  connect(): Promise<void> {
    return this.#admin.connect();
  }

  async createTopic(topic: string, partitions: number, maxRecordBytes: number | undefined): Promise<void> {
    const configEntries = maxRecordBytes === undefined
      ? []
      : [{ name: "max.message.bytes", value: String(maxRecordBytes) }];
    const isNew = await this.#admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
      // It would give up at once when the broker that it asks has not heard of the topic yet.
      waitForLeaders: false,
    });
    if (isNew) await this.#untilLed(topic);
  }

  async maxRecordBytes(topic: string): Promise<number> {
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: topicResource, name: topic, configNames: ["max.message.bytes"] }],
    });
    return Number(resources[0]!.configEntries[0]!.configValue);
  }

  topicId(topic: string): Promise<string | undefined> {
    return fetchTopicId(this.#client.protocol, this.#cluster, topic);
  }

  async offsets(topic: string, group: string, asked?: readonly number[]): Promise<PartitionOffsets[]> {
    const partitions = asked ?? await this.#partitions(topic);
    const committed = await this.#committed(topic, group, partitions);
    const ranges = await this.#admin.fetchTopicOffsets(topic);
    return ranges.filter(({ partition }) => partitions.includes(partition)).map(
      ({ partition, low, high }) => {
        const offset = committed.get(partition) ?? -1;
        return { partition, earliest: Number(low), end: Number(high), committed: offset < 0 ? null : offset };
      },
    ).sort((a, b) => a.partition - b.partition);
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    // It gives the end where there is no such record.
    const found = await this.#admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  async brokers(): Promise<string[]> {
    return (await this.#admin.describeCluster()).brokers.map(({ host, port }) => `${host}:${port}`);
  }

  failure(what: string, error: unknown): Error {
    return this.#client.failure(what, error);
  }

  close(): Promise<void> {
    return this.#admin.disconnect();
  }

  async #untilLed(topic: string): Promise<void> {
    for (const start = performance.now();;) {
      try {
        const { topics: [made] } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
        const { partitions } = made!;
        if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return;
        if (performance.now() - start > openTimeout) throw new Error("some of its partitions have no leader");
      } catch (error) {
        const isComing = comingTopic.includes(errorType(error) ?? "");
        if (!isComing || performance.now() - start > openTimeout) throw error;
      }
      await setTimeout(leaderPause);
    }
  }

  async #partitions(topic: string): Promise<number[]> {
    await this.#cluster.addTargetTopic(topic);
    await this.#cluster.refreshMetadataIfNecessary();
    return this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
  }

  /**
   * Cursors that a transaction has moved are waited for until it is ended for all to see: older brokers tell the next
   * publisher of its id that it is ended a moment before they show the offsets.
   */
  async #committed(
    topic: string,
    group: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, Offset>> {
    const stable = await onceEnded(
      () => fetchStableOffsets(this.#client.protocol, this.#cluster, group, topic, partitions),
      (error) => errorType(error) === "UNSTABLE_OFFSET_COMMIT",
    );
    if (stable) return stable;
    const [found] = await this.#admin.fetchOffsets({ groupId: group, topics: [topic] });
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  }
}
