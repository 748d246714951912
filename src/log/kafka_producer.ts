import type { PartitionerArgs, Producer } from "kafkajs";
import type { ProducedRecord } from "../record.ts";
import { errorType, isAbsent, type KafkaClient } from "./kafka_client.ts";
import { producedMessage } from "./kafka_records.ts";
import { partitionOf } from "./murmur2.ts";
import type { TopicProducer } from "./topic_writer.ts";

/** An idempotent kafkajs producer for one topic. */
export class KafkaProducer implements TopicProducer {
  readonly #topic: string;
  readonly #client: KafkaClient;
  readonly #producer: Producer;

  constructor(topic: string, client: KafkaClient) {
    this.#topic = topic;
    this.#client = client;
    this.#producer = client.kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      createPartitioner: partitioner,
    });
  }

  async send(records: readonly ProducedRecord[]): Promise<void> {
    try {
      await this.#producer.connect();
      await this.#producer.send({ topic: this.#topic, acks: -1, messages: records.map(producedMessage) });
    } catch (error) {
      const absent = isAbsent(error) ? ": it does not exist" : "";
      throw this.#client.failure(`Cannot write to topic "${this.#topic}"${absent}`, error);
    }
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }
}

/**
 * Names a record's partition. Asked again when kafkajs retries a request: the answer is kept, so that no record moves to
 * another partition.
 */
export function partitioner(): (args: PartitionerArgs) => number {
  let turn = 0;
  return ({ message, partitionMetadata }) => {
    const partitions = partitionMetadata.length;
    const key = message.key as Uint8Array | null;
    message.partition ??= key ? partitionOf(key, partitions) : turn++ % partitions;
    // kafkajs would leave the record out without a word.
    if (!(message.partition < partitions)) {
      throw new RangeError(`there is no partition ${message.partition}, only 0 to ${partitions - 1}`);
    }
    return message.partition;
  };
}

export function isTooLarge(error: unknown): boolean {
  const type = errorType(error);
  return type === "MESSAGE_TOO_LARGE" || type === "RECORD_LIST_TOO_LARGE";
}
