/** How many records go into one request to a Kafka broker. */
import type { ProducedRecord } from "../record.ts";

/** Below a broker's default limit for one partition's part of a request, 1 MiB. */
export const maxRequestBytes = 900 * 1024;
/** kafkajs takes quadratic time to sort a request's records by partition. */
const maxRequestRecords = 2_000;
/** Milliseconds: @platformatic/kafka garbles the time of a record 2^31 ms from its batch's first, about 25 days. */
const maxRequestSpan = 2 ** 30;

/** The records from `start` on that the next request takes, and their bytes: at least one, however large it is. */
export function requestAt(
  records: readonly ProducedRecord[],
  start: number,
  maxBytes: number,
): { end: number; bytes: number } {
  const last = Math.min(records.length, start + maxRequestRecords);
  const now = Date.now();
  const firstTime = records[start]!.timestamp ?? now;
  let bytes = recordSize(records[start]!);
  let end = start + 1;
  for (; end < last; end++) {
    const record = records[end]!;
    const size = recordSize(record);
    const isFar = Math.abs((record.timestamp ?? now) - firstTime) > maxRequestSpan;
    if (isFar || bytes + size > maxBytes) break;
    bytes += size;
  }
  return { end, bytes };
}

/** About what a record takes in a request, as Kafka counts it: an upper bound for its lengths, time and offset. */
function recordSize(record: ProducedRecord): number {
  let size = 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const { key, value } of record.headers) size += 10 + 3 * key.length + (value?.length ?? 0);
  return size;
}
