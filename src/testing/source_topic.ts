import { partitionOf } from "../log/murmur2.ts";
import type { Source } from "../pipeline.ts";
import type { ProducedRecord, SourceRecord } from "../record.ts";
import type { SentRecord, TestRecord } from "./test_pipeline.ts";

/** A record and the partition that it is in. */
export interface PlacedRecord {
  readonly partition: number;
  readonly record: SourceRecord;
}

/** A topic that a pipeline under test reads. */
export class SourceTopic<T> {
  readonly #source: Source<T>;
  readonly #partitions: readonly SourceRecord[][];
  readonly #utf8 = new TextEncoder();

  constructor(source: Source<T>, partitions: number) {
    if (!Number.isInteger(partitions) || partitions < 1) {
      throw new TypeError(`testPipeline(): partitions is ${partitions}; give a whole number from 1`);
    }
    this.#source = source;
    this.#partitions = Array.from({ length: partitions }, () => []);
  }

  /** A record as it is to be written. */
  encode(record: TestRecord<T>, now: number): ProducedRecord {
    const timestamp = Number(record.timestamp ?? now);
    if (!Number.isFinite(timestamp)) {
      throw new TypeError(
        `send(): a timestamp is ${record.timestamp}; give a Date, or milliseconds since 1970`,
      );
    }
    const key = record.key === null || record.key === undefined ? null : this.#utf8.encode(record.key);
    const { partition } = record;
    if (partition !== undefined && !this.#partitions[partition]) {
      throw new TypeError(
        `send(): there is no partition ${partition}; give testPipeline() as many "partitions" as are needed`,
      );
    }
    const value = this.#bytes(record);
    return { key, value, headers: [], timestamp, ...(partition !== undefined && { partition }) };
  }

  /** Adds records as they are written to a topic. */
  write(records: readonly ProducedRecord[], now: number): PlacedRecord[] {
    const count = this.#partitions.length;
    return records.map(({ key, value, headers, timestamp = now, ...given }) => {
      const partition = given.partition ?? (key ? partitionOf(key, count) : 0);
      const log = this.#partitions[partition]!;
      const record = { offset: log.length, timestamp, key, value, headers };
      log.push(record);
      return { partition, record };
    });
  }

  read(partition: number, offset: number): SentRecord {
    const { key, value, timestamp } = this.#partitions[partition]![offset]!;
    return {
      topic: this.#source.topic,
      partition,
      offset,
      timestamp: new Date(timestamp),
      key: key && new TextDecoder().decode(key),
      value: this.#source.codec.decode(value!),
    };
  }

  #bytes(record: TestRecord<T>): Uint8Array | null {
    if ("value" in record) {
      try {
        return this.#source.codec.encode(record.value);
      } catch (cause) {
        throw new TypeError("send(): a value does not fit the source; to send it all the same, give bytes", {
          cause,
        });
      }
    }
    if (record.bytes === undefined) throw new TypeError("send(): a record has neither a value nor bytes");
    return typeof record.bytes === "string" ? this.#utf8.encode(record.bytes) : record.bytes;
  }
}
