import type { ProducedRecord, RecordHeader, TopicPartition } from "../record.ts";
import type { PackableRecord, PackedReader } from "../packed_records.ts";

/**
 * The headers of a dead letter, beside those that the record had. All are text.
 *
 * | header           | what                                                              |
 * | ---------------- | ----------------------------------------------------------------- |
 * | `weir.topic`     | the topic it was read from                                        |
 * | `weir.partition` | its partition                                                     |
 * | `weir.offset`    | its offset                                                        |
 * | `weir.timestamp` | its timestamp, milliseconds since 1970                            |
 * | `weir.key`       | its key's bytes; absent when it had none                          |
 * | `weir.stage`     | where it failed: `decode`, an operator's name, `write <sink>`     |
 * | `weir.error`     | why                                                               |
 * | `weir.attempt`   | 1, or one more than the last time if it had been a dead letter    |
 */
const prefix = "weir.";

const utf8 = new TextEncoder();

/** A record as a dead letter: its original bytes, and where and why it failed. Its key is topic-partition-offset;
 * its timestamp is the time of writing, lest the topic's retention takes it at once. */
export function deadLetter(
  source: TopicPartition,
  reader: PackedReader,
  index: number,
  stage: string,
  error: string,
): PackableRecord {
  const offset = reader.offset(index);
  const headers = reader.headers(index);
  const key = reader.key(index);
  const text = (name: string, value: string | number): RecordHeader => (
    { key: prefix + name, value: utf8.encode(String(value)) }
  );
  return {
    key: utf8.encode(`${source.topic}-${source.partition}-${offset}`),
    value: reader.value(index),
    headers: [
      ...headers.filter((header) => !header.key.startsWith(prefix)),
      text("topic", source.topic),
      text("partition", source.partition),
      text("offset", offset),
      text("timestamp", reader.timestamp(index)),
      ...(key ? [{ key: `${prefix}key`, value: key }] : []),
      text("stage", stage),
      text("error", error.slice(0, 2_000)),
      text("attempt", attempts(headers) + 1),
    ],
  };
}

/** A dead letter too large for its topic keeps its headers, which say where the original bytes are. */
export function withoutValue(letter: ProducedRecord): ProducedRecord {
  const size = utf8.encode(String(letter.value?.length ?? 0));
  return {
    ...letter,
    value: null,
    headers: [...letter.headers, { key: `${prefix}value-bytes-left-out`, value: size }],
  };
}

function attempts(headers: readonly RecordHeader[]): number {
  const value = headers.find((header) => header.key === `${prefix}attempt`)?.value;
  const number = value ? Number(new TextDecoder().decode(value)) : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
