/** A log in a Kafka cluster, whichever client library speaks to it. */
import type { Offset, ProducedRecord } from "../record.ts";
import {
  closeTimeout,
  type KafkaSettings,
  openTimeout,
  recordGrowth,
  unreachable,
  within,
} from "./brokers.ts";
import { GroupConsumer, type Membership } from "./group_consumer.ts";
import type {
  ConsumerListener,
  Log,
  LogConsumer,
  LogDescription,
  PartitionOffsets,
  Publisher,
  TopicSettings,
} from "./mod.ts";
import { KafkaPublisher, type TransactionalProducer } from "./publisher.ts";
import { type TopicProducer, TopicWriter } from "./topic_writer.ts";

/** What an adapter makes of a client library. Nothing connects before it is used. */
export interface ClusterClient {
  admin(): ClusterAdmin;
  producer(topic: string): TopicProducer;
  transactionalProducer(id: string): TransactionalProducer;
  /** A membership that has not joined yet; `opened` as for {@linkcode Join}, `topicId` tells the topic's id as it is. */
  membership(
    topic: string,
    group: string,
    listener: ConsumerListener,
    opened: () => void,
    topicId: () => Promise<string | undefined>,
  ): Membership;
  /** Whether an error says that the request, or a record in it, is too large. */
  isTooLarge(error: unknown): boolean;
  /** Whether an error says that a topic is not there. */
  isAbsent(error: unknown): boolean;
  isLoginRefused(error: unknown): boolean;
}

/** Requests to the cluster, by connections of its own. */
export interface ClusterAdmin extends Pick<Log, "topicId" | "offsets" | "offsetsAt"> {
  /** Called before each request. */
  connect(): Promise<void>;
  /** Makes a topic unless it is there, and waits until it can be used. `maxRecordBytes`: the broker's default if undefined. */
  createTopic(topic: string, partitions: number, maxRecordBytes: number | undefined): Promise<void>;
  /** The largest record batch that a topic takes. */
  maxRecordBytes(topic: string): Promise<number>;
  /** `host:port` of each. */
  brokers(): Promise<string[]>;
  /** `what` went wrong, for people. */
  failure(what: string, error: unknown): Error;
  close(): Promise<void>;
}

/** @throws {ServiceError} within about 10 seconds when no broker answers or the login is refused. */
export async function openCluster(client: ClusterClient, settings: KafkaSettings): Promise<Log> {
  const log = new ClusterLog(client);
  try {
    await within(openTimeout, log.describe());
    return log;
  } catch (error) {
    log.close().catch(() => {});
    throw unreachable(settings, error, client.isLoginRefused(error));
  }
}

class ClusterLog implements Log {
  readonly kind = "kafka";
  readonly #client: ClusterClient;
  readonly #writers = new Map<string, TopicWriter>();
  readonly #consumers: GroupConsumer[] = [];
  readonly #requestBytes = new Map<string, number>();
  #admin: ClusterAdmin | undefined;

  constructor(client: ClusterClient) {
    this.#client = client;
  }

  createTopic(topic: string, { partitions, asLargeAs = [] }: TopicSettings): Promise<void> {
    return this.#ask(`create topic "${topic}"`, async (admin) => {
      const models = await Promise.all(asLargeAs.map((model) => this.#largestRecord(admin, model)));
      const known = models.filter((each) => each !== undefined);
      await admin.createTopic(
        topic,
        partitions,
        known.length > 0 ? Math.max(...known) + recordGrowth : undefined,
      );
    });
  }

  produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    let writer = this.#writers.get(topic);
    if (!writer) {
      writer = new TopicWriter(topic, () => this.#client.producer(topic), this.#client.isTooLarge);
      this.#writers.set(topic, writer);
    }
    return writer.write(records);
  }

  consumer(topic: string, group: string): LogConsumer {
    const consumer = new GroupConsumer(
      topic,
      (listener, opened) =>
        this.#client.membership(topic, group, listener, opened, () => this.topicId(topic)),
    );
    this.#consumers.push(consumer);
    return consumer;
  }

  publisher(id: string): Publisher {
    return new KafkaPublisher({
      producer: this.#client.transactionalProducer(id),
      requestBytes: this.#requestBytes,
      isTooLarge: this.#client.isTooLarge,
    });
  }

  topicId(topic: string): Promise<string | undefined> {
    return this.#ask(`read the id of topic "${topic}"`, (admin) => admin.topicId(topic));
  }

  offsets(topic: string, group: string, partitions?: readonly number[]): Promise<PartitionOffsets[]> {
    return this.#ask(
      `read the offsets of topic "${topic}"`,
      (admin) => admin.offsets(topic, group, partitions),
    );
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>> {
    return this.#ask(
      `find the records of topic "${topic}" by time`,
      (admin) => admin.offsetsAt(topic, timestamp),
    );
  }

  describe(): Promise<LogDescription> {
    return this.#ask("reach Kafka", async (admin) => {
      const brokers = await admin.brokers();
      const what = brokers.length === 1 ? "broker" : "brokers";
      return { detail: `${brokers.length} ${what} at ${brokers.sort().join(",")}`, brokers: brokers.length };
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    const closing = [...this.#writers.values(), ...(this.#admin ? [this.#admin] : [])];
    this.#admin = undefined;
    await within(closeTimeout, Promise.allSettled(closing.map((each) => each.close()))).catch(() => {});
  }

  /** Runs requests on the shared connections, which are made anew after an error. */
  async #ask<T>(what: string, request: (admin: ClusterAdmin) => Promise<T>): Promise<T> {
    const admin = this.#admin ??= this.#client.admin();
    try {
      await admin.connect();
      return await request(admin);
    } catch (error) {
      if (this.#admin === admin) this.#admin = undefined;
      admin.close().catch(() => {});
      const absent = this.#client.isAbsent(error) ? ": the topic does not exist" : "";
      throw admin.failure(`Cannot ${what}${absent}`, error);
    }
  }

  /** The largest record batch that a topic takes; undefined when there is no such topic. */
  async #largestRecord(admin: ClusterAdmin, topic: string): Promise<number | undefined> {
    try {
      return await admin.maxRecordBytes(topic);
    } catch (error) {
      if (this.#client.isAbsent(error)) return undefined;
      throw error;
    }
  }
}
