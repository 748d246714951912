/** Kafka's record batches, format 2 (https://kafka.apache.org/documentation/#recordbatch), from brokers' answers. */
import { packedParts, place, placesPerRecord } from "../packed_records.ts";
import type { Offset, PackedRecords } from "../record.ts";
import { readVarint } from "../varint.ts";

/** What a broker has sent of one partition: whole batches, and perhaps a part of one more, which is left out. */
export interface RecordSet {
  readonly bytes: Uint8Array;
  /** The transactions that have ended in an abort and have records among these. */
  readonly aborted: readonly AbortedTransaction[];
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: Offset;
}

/** By the codec's number: 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
export type Decompress = (codec: number, bytes: Uint8Array) => Uint8Array;

/** Offsets of fields in a batch; its length counts from behind the length. */
const field = {
  length: 8,
  magic: 16,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;
const behindLength = 12;
/** Bytes that a record takes at least: its length, attributes, time, offset, key, value and headers, one each. */
const leastRecord = 7;
/** Bits of a batch's attributes. */
const codecBits = 7;
const logAppendTime = 1 << 3;
const transactional = 1 << 4;
const control = 1 << 5;
/** The type of a marker that ends a transaction in an abort. */
const abortMarker = 0;

/** A batch within the bytes of a record set. */
interface BatchHead {
  readonly start: number;
  readonly end: number;
  readonly firstOffset: Offset;
  readonly next: Offset;
  readonly attributes: number;
  readonly count: number;
}

/** The offset behind the last whole batch, and the codecs that the batches need; undefined when there is none. */
export function surveyRecordSet(
  bytes: Uint8Array,
): { readonly next: Offset; readonly codecs: ReadonlySet<number> } | undefined {
  let next: Offset | undefined;
  const codecs = new Set<number>();
  for (const batch of batchesIn(bytes)) {
    next = batch.next;
    const codec = batch.attributes & codecBits;
    if (codec !== 0) codecs.add(codec);
  }
  return next === undefined ? undefined : { next, codecs };
}

/**
 * Reads all records from an offset on that are no markers and not aborted. It makes no object for a record and copies its
 * bytes once, since this runs on the main thread for every record.
 *
 * @throws {Error} when the bytes are not what Kafka writes since 0.11.
 */
export function readRecordSet(
  { bytes, aborted }: RecordSet,
  from: Offset,
  decompress: Decompress,
): { readonly next: Offset; readonly records: PackedRecords } {
  let next = from;
  const isAborted = abortedBatches(bytes, aborted);
  const wanted: [BatchHead, Uint8Array][] = [];
  for (const batch of batchesIn(bytes)) {
    next = Math.max(next, batch.next);
    // Asked for every batch, since it goes by their order.
    const dropped = isAborted(batch) || (batch.attributes & control) !== 0;
    if (!dropped && batch.next > from) wanted.push([batch, recordsOf(bytes, batch, decompress)]);
  }
  const packer = new Packer(wanted.reduce((sum, [{ count }]) => sum + count, 0), from);
  for (const [batch, records] of wanted) packer.add(bytes, batch, records);
  return { next, records: packer.finish() };
}

/** Gathers where the records are, and then copies what holds them. */
class Packer {
  readonly #from: Offset;
  readonly #offsets: Float64Array;
  readonly #timestamps: Float64Array;
  readonly #places: Int32Array;
  readonly #pieces: Uint8Array[] = [];
  #count = 0;
  #size = 0;

  constructor(most: number, from: Offset) {
    this.#from = from;
    this.#offsets = new Float64Array(most);
    this.#timestamps = new Float64Array(most);
    this.#places = new Int32Array(most * placesPerRecord);
  }

  /** @param piece The bytes of the batch's records. */
  add(bytes: Uint8Array, { start, firstOffset, attributes, count }: BatchHead, piece: Uint8Array): void {
    const view = viewOf(bytes);
    const firstTimestamp = Number(view.getBigInt64(start + field.firstTimestamp));
    const appended = attributes & logAppendTime
      ? Number(view.getBigInt64(start + field.maxTimestamp))
      : undefined;
    const base = this.#size;
    const places = this.#places;
    const cursor = { at: 0 };
    let first = -1;
    for (let left = count; left > 0; left--) {
      const recordEnd = readVarint(piece, cursor) + cursor.at;
      cursor.at++; // Its attributes, which mean nothing yet.
      const timestamp = firstTimestamp + readVarint(piece, cursor);
      const offset = firstOffset + readVarint(piece, cursor);
      const keyLength = readVarint(piece, cursor);
      const keyStart = cursor.at;
      if (keyLength > 0) cursor.at += keyLength;
      const valueLength = readVarint(piece, cursor);
      const valueStart = cursor.at;
      if (valueLength > 0) cursor.at += valueLength;
      const headersStart = cursor.at;
      // Written so that it catches what is not a number, too, as behind the end.
      if (!(headersStart < recordEnd && recordEnd <= piece.length)) {
        throw damaged(firstOffset);
      }
      cursor.at = recordEnd;
      if (offset < this.#from) continue;
      if (first < 0) first = keyStart;
      const i = this.#count++;
      this.#offsets[i] = offset;
      this.#timestamps[i] = appended ?? timestamp;
      const at = i * placesPerRecord;
      places[at + place.keyStart] = base + keyStart - first;
      places[at + place.keyLength] = keyLength;
      places[at + place.valueStart] = base + valueStart - first;
      places[at + place.valueLength] = valueLength;
      places[at + place.headersLength] = piece[headersStart] === 0 ? 0 : recordEnd - headersStart;
    }
    if (first < 0) return;
    this.#pieces.push(piece.subarray(first, cursor.at));
    this.#size += cursor.at - first;
  }

  finish(): PackedRecords {
    const count = this.#count;
    const parts = packedParts(count, this.#size);
    parts.offsets.set(this.#offsets.subarray(0, count));
    parts.timestamps.set(this.#timestamps.subarray(0, count));
    parts.places.set(this.#places.subarray(0, count * placesPerRecord));
    let at = 0;
    for (const piece of this.#pieces) {
      parts.bytes.set(piece, at);
      at += piece.length;
    }
    return { count, buffer: parts.buffer };
  }
}

function recordsOf(
  bytes: Uint8Array,
  { start, end, firstOffset, attributes, count }: BatchHead,
  decompress: Decompress,
): Uint8Array {
  const codec = attributes & codecBits;
  const stored = bytes.subarray(start + field.records, end);
  const records = codec === 0 ? stored : decompress(codec, stored);
  // Room is made for as many.
  if (count < 0 || count * leastRecord > records.length) throw damaged(firstOffset);
  return records;
}

function damaged(firstOffset: Offset): Error {
  return new Error(`the batch of records at offset ${firstOffset} is damaged`);
}

/** The whole batches, in order. */
function* batchesIn(bytes: Uint8Array): Generator<BatchHead> {
  const view = viewOf(bytes);
  for (let start = 0; start + field.magic < bytes.length;) {
    const magic = view.getInt8(start + field.magic);
    if (magic !== 2) {
      throw new Error(`records in the format ${magic} of Kafka before 0.11 cannot be read`);
    }
    const end = start + behindLength + view.getInt32(start + field.length);
    if (end > bytes.length) return;
    if (end < start + field.records) throw new Error(`a batch of records has a length of ${end - start}`);
    const firstOffset = Number(view.getBigInt64(start));
    yield {
      start,
      end,
      firstOffset,
      next: firstOffset + view.getInt32(start + field.lastOffsetDelta) + 1,
      attributes: view.getInt16(start + field.attributes),
      count: view.getInt32(start + field.count),
    };
    start = end;
  }
}

/**
 * Tells of one batch after the other, in their order, whether it was aborted: between an aborted transaction's first
 * offset and its marker, all of its producer's transactional batches were.
 */
function abortedBatches(
  bytes: Uint8Array,
  transactions: readonly AbortedTransaction[],
): (batch: BatchHead) => boolean {
  if (transactions.length === 0) return () => false;
  const coming = transactions.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<bigint>();
  const view = viewOf(bytes);
  return (batch) => {
    while (coming.length > 0 && coming[0]!.firstOffset < batch.next) aborting.add(coming.shift()!.producerId);
    const producerId = view.getBigInt64(batch.start + field.producerId);
    if (batch.attributes & control) {
      if (markerType(bytes, batch) === abortMarker) aborting.delete(producerId);
      return false;
    }
    return (batch.attributes & transactional) !== 0 && aborting.has(producerId);
  };
}

/**
 * A marker is the only record of its batch; its key is a version and a type, two bytes each. Compaction may leave a batch
 * without it.
 */
function markerType(bytes: Uint8Array, { start, count }: BatchHead): number | undefined {
  if (count === 0) return undefined;
  const cursor = { at: start + field.records };
  readVarint(bytes, cursor);
  cursor.at++;
  readVarint(bytes, cursor);
  readVarint(bytes, cursor);
  return readVarint(bytes, cursor) < 4 ? undefined : viewOf(bytes).getInt16(cursor.at + 2);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
