import type { PartitionerArgs, Producer } from "kafkajs";
import type { ProducedRecord } from "../record.ts";
import { errorType, type KafkaClient, type KafkaClients } from "./kafka_client.ts";
import { producedMessage, recordSize } from "./kafka_records.ts";
import { RecordTooLarge } from "./mod.ts";
import { partitionOf } from "./murmur2.ts";

/** Below a broker's default limit for one partition's part of a request, 1 MiB. */
const maxRequestBytes = 900 * 1024;
/** kafkajs takes quadratic time to sort a request's records by partition. */
const maxRequestRecords = 2_000;

/**
 * Appends to one topic through an idempotent producer, one request after the other: kafkajs would give the sequence
 * numbers of a request that is being retried to the next one of the partition, and the broker take that for a
 * duplicate. For the same reason a producer is dropped after any error, and the next write makes a new one.
 */
export class KafkaTopicWriter {
  readonly #topic: string;
  readonly #clients: KafkaClients;
  #open: { readonly producer: Producer; readonly client: KafkaClient } | undefined;
  #tail: Promise<void> = Promise.resolve();
  #maxRequestBytes = maxRequestBytes;
  #turn = 0;

  constructor(topic: string, clients: KafkaClients) {
    this.#topic = topic;
    this.#clients = clients;
  }

  write(records: readonly ProducedRecord[]): Promise<void> {
    const written = this.#tail.then(() => this.#write(records));
    this.#tail = written.catch(() => {});
    return written;
  }

  /** After what is being written. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#open?.producer.disconnect();
    this.#open = undefined;
  }

  async #write(records: readonly ProducedRecord[]): Promise<void> {
    for (let start = 0; start < records.length;) {
      const { end, bytes } = this.#request(records, start);
      try {
        await this.#send(records.slice(start, end));
        start = end;
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        if (end - start === 1) {
          throw new RecordTooLarge(
            `A record of about ${bytes} bytes is larger than topic "${this.#topic}" takes; ` +
              "raise the topic's max.message.bytes",
            { cause: error },
          );
        }
        // The topic takes less than is usual. What other partitions took of this request is written again.
        this.#maxRequestBytes = Math.floor(bytes / 2);
      }
    }
  }

  /** How many records the next request takes: at least one, however large it is. */
  #request(records: readonly ProducedRecord[], start: number): { end: number; bytes: number } {
    const last = Math.min(records.length, start + maxRequestRecords);
    let bytes = recordSize(records[start]!);
    let end = start + 1;
    for (; end < last; end++) {
      const size = recordSize(records[end]!);
      if (bytes + size > this.#maxRequestBytes) break;
      bytes += size;
    }
    return { end, bytes };
  }

  async #send(records: readonly ProducedRecord[]): Promise<void> {
    const { producer, client } = this.#open ??= this.#create();
    try {
      await producer.connect();
      await producer.send({ topic: this.#topic, acks: -1, messages: records.map(producedMessage) });
    } catch (error) {
      this.#open = undefined;
      producer.disconnect().catch(() => {});
      const absent = errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION" ? ": it does not exist" : "";
      throw client.failure(`Cannot write to topic "${this.#topic}"${absent}`, error);
    }
  }

  #create(): { producer: Producer; client: KafkaClient } {
    const client = this.#clients();
    const producer = client.kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      createPartitioner: () => (args) => this.#partition(args),
    });
    return { producer, client };
  }

  /** Asked again when kafkajs retries a request: the answer is kept, so that no record moves to another partition. */
  #partition({ message, partitionMetadata }: PartitionerArgs): number {
    const partitions = partitionMetadata.length;
    const key = message.key as Uint8Array | null;
    message.partition ??= key ? partitionOf(key, partitions) : this.#turn++ % partitions;
    // kafkajs would leave the record out without a word.
    if (!(message.partition < partitions)) {
      throw new RangeError(`there is no partition ${message.partition}, only 0 to ${partitions - 1}`);
    }
    return message.partition;
  }
}

function isTooLarge(error: unknown): boolean {
  const type = errorType(error);
  return type === "MESSAGE_TOO_LARGE" || type === "RECORD_LIST_TOO_LARGE";
}
