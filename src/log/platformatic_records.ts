import type { Consumer, KafkaRecord, RecordsBatch } from "@platformatic/kafka";
import type { Batch, Offset, RecordHeader, SourceRecord } from "../record.ts";

/** The library exports no name for it. */
export type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;
export type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

/** Bits of a batch's attributes. */
const logAppendTime = 1 << 3;
const transactional = 1 << 4;
const control = 1 << 5;

const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/**
 * What a fetch from an offset on has brought: all records that are committed. The library's own filter lets aborted
 * records pass when their marker comes with a later fetch, or when their producer has aborted twice.
 */
export function readBatch(
  { partitionIndex, records, abortedTransactions }: FetchedPartition,
  from: Offset,
): Batch {
  const read: SourceRecord[] = [];
  const isAborted = abortedBatches(abortedTransactions ?? []);
  let next = from;
  for (const batch of records ?? []) {
    if (batch.magic !== 2) {
      throw new Error(`records in the format ${batch.magic} of Kafka before 0.11 cannot be read`);
    }
    const first = Number(batch.firstOffset);
    next = Math.max(next, first + batch.lastOffsetDelta + 1);
    if (!isAborted(batch) && !(batch.attributes & control)) readRecords(batch, first, from, read);
  }
  return { partition: partitionIndex, from, next, records: read };
}

/** This runs for every record on the main thread: it copies no bytes. */
function readRecords(batch: RecordsBatch, first: Offset, from: Offset, read: SourceRecord[]): void {
  const { records, attributes } = batch;
  const appended = attributes & logAppendTime ? Number(batch.maxTimestamp) : undefined;
  const firstTimestamp = Number(batch.firstTimestamp);
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    const offset = first + record.offsetDelta;
    if (offset < from) continue;
    read.push({
      offset,
      timestamp: appended ?? firstTimestamp + Number(record.timestampDelta),
      key: record.key,
      value: record.value,
      headers: record.headers.length === 0 ? noHeaders : readHeaders(record),
    });
  }
}

function readHeaders({ headers }: KafkaRecord): RecordHeader[] {
  return headers.map(([key, value]) => ({ key: key?.toString() ?? "", value }));
}

/**
 * Tells of one batch after the other, in their order, whether it was aborted: between an aborted transaction's first
 * offset and its marker, all of its producer's transactional batches were.
 */
function abortedBatches(
  transactions: NonNullable<FetchedPartition["abortedTransactions"]>,
): (batch: RecordsBatch) => boolean {
  if (transactions.length === 0) return () => false;
  const coming = transactions.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborting = new Set<bigint>();
  return (batch) => {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (coming.length > 0 && coming[0]!.firstOffset <= last) aborting.add(coming.shift()!.producerId);
    if (batch.attributes & control) {
      if (isAbortMarker(batch)) aborting.delete(batch.producerId);
      return false;
    }
    return (batch.attributes & transactional) !== 0 && aborting.has(batch.producerId);
  };
}

/** The key of a marker is its version and its type, 0 for abort, 1 for commit: two bytes each. */
function isAbortMarker({ records }: RecordsBatch): boolean {
  const key = records[0]?.key;
  return key !== undefined && key !== null && key.readInt16BE(2) === 0;
}
