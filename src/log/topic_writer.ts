import type { ProducedRecord } from "../record.ts";
import { RecordTooLarge } from "./mod.ts";
import { maxRequestBytes, requestAt } from "./produce_request.ts";

/** An idempotent producer to one topic. */
export interface TopicProducer {
  /** Appends records with acks=all, in one request to each broker. */
  send(records: readonly ProducedRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Appends to one topic through an idempotent producer, one request after the other: clients would give the sequence
 * numbers of a request that is being retried to the next one of the partition, and the broker take that for a
 * duplicate. For the same reason a producer is dropped after any error, and the next write makes a new one.
 */
export class TopicWriter {
  readonly #topic: string;
  readonly #open: () => TopicProducer;
  readonly #isTooLarge: (error: unknown) => boolean;
  #producer: TopicProducer | undefined;
  #tail: Promise<void> = Promise.resolve();
  #maxRequestBytes = maxRequestBytes;

  /**
   * @param open Makes a producer, which connects when it is first used.
   * @param isTooLarge Whether an error says that the request, or a record in it, is too large.
   */
  constructor(topic: string, open: () => TopicProducer, isTooLarge: (error: unknown) => boolean) {
    this.#topic = topic;
    this.#open = open;
    this.#isTooLarge = isTooLarge;
  }

  write(records: readonly ProducedRecord[]): Promise<void> {
    const written = this.#tail.then(() => this.#write(records));
    this.#tail = written.catch(() => {});
    return written;
  }

  /** After what is being written. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#producer?.close();
    this.#producer = undefined;
  }

  async #write(records: readonly ProducedRecord[]): Promise<void> {
    for (let start = 0; start < records.length;) {
      const { end, bytes } = requestAt(records, start, this.#maxRequestBytes);
      try {
        await this.#send(records.slice(start, end));
        start = end;
      } catch (error) {
        if (!this.#isTooLarge(error)) throw error;
        if (end - start === 1) throw RecordTooLarge.forTopic(this.#topic, bytes, records[start]!, error);
        // The topic takes less than is usual. What other partitions took of this request is written again.
        this.#maxRequestBytes = Math.floor(bytes / 2);
      }
    }
  }

  async #send(records: readonly ProducedRecord[]): Promise<void> {
    const producer = this.#producer ??= this.#open();
    try {
      await producer.send(records);
    } catch (error) {
      this.#producer = undefined;
      producer.close().catch(() => {});
      throw error;
    }
  }
}
