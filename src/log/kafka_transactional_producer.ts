import type { Producer, Transaction } from "kafkajs";
import { Fenced } from "../errors.ts";
import type { ProducedRecord } from "../record.ts";
import { closeTimeout, within } from "./brokers.ts";
import { errorType, isAbsent, type KafkaClient } from "./kafka_client.ts";
import { partitioner } from "./kafka_producer.ts";
import { producedMessage } from "./kafka_records.ts";
import type { Cursor } from "./mod.ts";
import { onceEnded, type TransactionalProducer } from "./publisher.ts";

/** A transactional kafkajs producer. kafkajs takes the id over when the first transaction begins. */
export class KafkaTransactionalProducer implements TransactionalProducer {
  readonly #id: string;
  readonly #client: KafkaClient;
  readonly #producer: Producer;
  #transaction: Transaction | undefined;

  constructor(id: string, client: KafkaClient) {
    this.#id = id;
    this.#client = client;
    this.#producer = client.kafka.producer({
      transactionalId: id,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      createPartitioner: partitioner,
      // A request is sent once: when one of several brokers fails, kafkajs would send to the others again.
      retry: { retries: 0 },
    });
  }

  open(): Promise<void> {
    return this.#try("take over", async () => {
      await this.#producer.connect();
      await this.begin();
    });
  }

  async begin(): Promise<void> {
    this.#transaction ??= await this.#producer.transaction();
  }

  sendOffsets(group: string, cursors: readonly Cursor[]): Promise<void> {
    const topics = Array.from(Map.groupBy(cursors, ({ topic }) => topic), ([topic, own]) => ({
      topic,
      partitions: own.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
    }));
    return this.#try(`move the cursor ${group} of`, () => {
      const send = () => this.#transaction!.sendOffsets({ consumerGroupId: group, topics });
      return onceEnded(send, (error) => errorType(error) === "CONCURRENT_TRANSACTIONS");
    });
  }

  send(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    return this.#try(`write to topic "${topic}" as`, async () => {
      await this.#transaction!.send({ topic, acks: -1, messages: records.map(producedMessage) });
    });
  }

  commit(): Promise<void> {
    return this.#try("commit a transaction of", async () => {
      await this.#transaction!.commit();
      this.#transaction = undefined;
    });
  }

  async close(): Promise<void> {
    await within(closeTimeout, this.#producer.disconnect()).catch(() => {});
  }

  async #try(what: string, request: () => Promise<void>): Promise<void> {
    try {
      await request();
    } catch (error) {
      const type = errorType(error);
      if (type === "INVALID_PRODUCER_EPOCH" || type === "PRODUCER_FENCED") {
        throw new Fenced(`Cannot ${what} publisher ${this.#id}: a later one has taken over`, {
          cause: error,
        });
      }
      const absent = isAbsent(error) ? ": the topic does not exist" : "";
      throw this.#client.failure(`Cannot ${what} publisher ${this.#id}${absent}`, error);
    }
  }
}
