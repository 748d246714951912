import { Buffer } from "node:buffer";
import type { MessageToProduce, Producer } from "@platformatic/kafka";
import type { ProducedRecord, RecordHeader } from "../record.ts";
import { partitionOf } from "./murmur2.ts";
import { answers, isAbsent, type PlatformaticClients } from "./platformatic_client.ts";
import type { TopicProducer } from "./topic_writer.ts";

export type Bytes = Uint8Array | null;
type Message = MessageToProduce<Bytes, Bytes, RecordHeader, Bytes>;

export const serializers = { key: asBuffer, value: asBuffer, headerKey, headerValue: asBuffer };

/** An idempotent producer of @platformatic/kafka for one topic. */
export class PlatformaticProducer implements TopicProducer {
  readonly #topic: string;
  readonly #producer: Producer<Bytes, Bytes, RecordHeader, Bytes>;
  readonly #turn = { next: 0 };

  constructor(topic: string, { library, options }: PlatformaticClients) {
    this.#topic = topic;
    this.#producer = new library.Producer({
      ...options,
      idempotent: true,
      serializers,
    });
  }

  async send(records: readonly ProducedRecord[]): Promise<void> {
    try {
      const { topics } = await this.#producer.metadata({ topics: [this.#topic] });
      const partitions = topics.get(this.#topic)!.partitionsCount;
      const messages = records.map((record) => producedMessage(this.#topic, record, partitions, this.#turn));
      await this.#producer.send({ messages });
    } catch (error) {
      const absent = isAbsent(error) ? ": it does not exist" : "";
      throw new Error(`Cannot write to topic "${this.#topic}"${absent}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#producer.close(true);
  }
}

/** What the library is to write. `turn` counts records without a key, which go to the partitions in turn. */
export function producedMessage(
  topic: string,
  { key, value, headers, timestamp, partition }: ProducedRecord,
  partitions: number,
  turn: { next: number },
): Message {
  // The library would wrap round the number of a partition that is not there.
  if (partition !== undefined && !(partition < partitions)) {
    throw new RangeError(`there is no partition ${partition}, only 0 to ${partitions - 1}`);
  }
  return {
    topic,
    partition: partition ?? (key ? partitionOf(key, partitions) : turn.next++ % partitions),
    key,
    value,
    ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
    // Each header is a key of its own, so that those of one name all stay, in their order.
    ...(headers.length > 0 &&
      { headers: new Map(headers.map((each) => [each, each.value])) }),
  };
}

export function isTooLarge(error: unknown): boolean {
  return answers(error).some((answer) =>
    answer === "MESSAGE_TOO_LARGE" || answer === "RECORD_LIST_TOO_LARGE"
  );
}

function headerKey(header: RecordHeader | undefined): Buffer | undefined {
  return header && Buffer.from(header.key);
}

function asBuffer(bytes: Bytes | undefined): Buffer | undefined {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : undefined;
}
