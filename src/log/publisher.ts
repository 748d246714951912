import { setTimeout } from "node:timers/promises";
import type { ProducedRecord } from "../record.ts";
import type { Cursor, Publication, Publisher } from "./mod.ts";
import { RecordTooLarge } from "./mod.ts";
import { maxRequestBytes, requestAt } from "./produce_request.ts";

/** What an adapter for Kafka makes of one transactional producer. Its methods are called one after the other. */
export interface TransactionalProducer {
  /** Takes the id over: the broker ends what an earlier producer of the id left open, and refuses it from then on. */
  open(): Promise<void>;
  begin(): Promise<void>;
  /** Adds a group's offsets to the transaction; the first call of a transaction makes the broker open it. */
  sendOffsets(group: string, cursors: readonly Cursor[]): Promise<void>;
  /** Adds records of one topic, in one request to each broker. */
  send(topic: string, records: readonly ProducedRecord[]): Promise<void>;
  commit(): Promise<void>;
  close(): Promise<void>;
}

export interface PublisherOptions {
  readonly producer: TransactionalProducer;
  /** Bytes that a request may have, for topics that take less than is usual; shared by the publishers of a log. */
  readonly requestBytes: Map<string, number>;
  /** Whether an error says that the request, or a record in it, is too large. */
  readonly isTooLarge: (error: unknown) => boolean;
}

/**
 * Publishes by Kafka's transactions. The offsets go first: once the broker has taken them, the transaction before is
 * ended for good, and no part of the records can be refused because it is still being ended. Nothing is aborted and no
 * record is sent twice: after an error the producer is dropped, and the broker aborts what it left when the next one
 * takes over the id.
 */
export class KafkaPublisher implements Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  open(): Promise<void> {
    return this.#options.producer.open();
  }

  async publish({ records, cursors }: Publication): Promise<void> {
    if (cursors.length === 0) throw new TypeError("Cannot publish without a cursor: give one at least");
    const { producer } = this.#options;
    await producer.begin();
    for (const [group, own] of Map.groupBy(cursors, (cursor) => cursor.group)) {
      await producer.sendOffsets(group, own);
    }
    for (const [topic, own] of Map.groupBy(records, (each) => each.topic)) {
      await this.#send(topic, own.map(({ record }) => record));
    }
    await producer.commit();
  }

  close(): Promise<void> {
    return this.#options.producer.close();
  }

  async #send(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    const { producer, requestBytes, isTooLarge } = this.#options;
    for (let start = 0; start < records.length;) {
      const { end, bytes } = requestAt(records, start, requestBytes.get(topic) ?? maxRequestBytes);
      try {
        await producer.send(topic, records.slice(start, end));
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        if (end - start === 1) throw RecordTooLarge.forTopic(topic, bytes, records[start]!, error);
        requestBytes.set(topic, Math.floor(bytes / 2));
        throw new Error(
          `Topic "${topic}" does not take ${bytes} bytes at once; the next requests are smaller`,
          { cause: error },
        );
      }
      start = end;
    }
  }
}

/** Milliseconds between two questions whether the broker has ended the transaction before, and how many. */
export const endingPause = 5;
const endingLooks = 400;

/** Does what the broker refuses for as long as it is still ending the transaction before, which takes milliseconds. */
export async function onceEnded<T>(
  action: () => Promise<T>,
  isEnding: (error: unknown) => boolean,
): Promise<T> {
  for (let look = 1;; look++) {
    try {
      return await action();
    } catch (error) {
      if (look === endingLooks || !isEnding(error)) throw error;
    }
    await setTimeout(endingPause);
  }
}
