import type { ProducedRecord } from "../record.ts";
import { RecordTooLarge } from "./mod.ts";

/** Below a broker's default limit for one partition's part of a request, 1 MiB. */
const maxRequestBytes = 900 * 1024;
/** kafkajs takes quadratic time to sort a request's records by partition. */
const maxRequestRecords = 2_000;
/** Milliseconds: @platformatic/kafka garbles the time of a record 2^31 ms from its batch's first, about 25 days. */
const maxRequestSpan = 2 ** 30;

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
      const { end, bytes } = this.#request(records, start);
      try {
        await this.#send(records.slice(start, end));
        start = end;
      } catch (error) {
        if (!this.#isTooLarge(error)) throw error;
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
    const now = Date.now();
    const firstTime = records[start]!.timestamp ?? now;
    let bytes = recordSize(records[start]!);
    let end = start + 1;
    for (; end < last; end++) {
      const record = records[end]!;
      const size = recordSize(record);
      const isFar = Math.abs((record.timestamp ?? now) - firstTime) > maxRequestSpan;
      if (isFar || bytes + size > this.#maxRequestBytes) break;
      bytes += size;
    }
    return { end, bytes };
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

/** About what a record takes in a request, as Kafka counts it: an upper bound for its lengths, time and offset. */
function recordSize(record: ProducedRecord): number {
  let size = 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const { key, value } of record.headers) size += 10 + 3 * key.length + (value?.length ?? 0);
  return size;
}
