/**
 * Records in one buffer, so that they cross between threads by being handed over, not copied.
 *
 * Layout, n being the number of records: n offsets and n timestamps (float64), then five numbers (int32) for each record,
 * see `place`, then the bytes that these point into. There, a record's headers follow its value, as Kafka has them
 * (https://kafka.apache.org/documentation/#recordheader): their number, then of each the key's length, the key, the
 * value's length (-1 for null) and the value, all numbers being varints in zigzag. What a broker sends is taken over as it
 * is, so that beside keys, values and headers there may be bytes that belong to none.
 */
import { Buffer } from "node:buffer";
import type { Offset, PackedRecords, ProducedRecord, RecordHeader } from "./record.ts";
import { readVarint, varintLength, writeVarint } from "./varint.ts";

/** What can be packed: records as read, and records to be written, whose offset is not known yet. */
export interface PackableRecord {
  readonly offset?: number;
  readonly timestamp?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** Where the numbers of a record stand. Starts count from the first byte behind all numbers; lengths are -1 for null. */
export const place = { keyStart: 0, keyLength: 1, valueStart: 2, valueLength: 3, headersLength: 4 } as const;
export const placesPerRecord = 5;
const bytesPerRecord = 2 * 8 + placesPerRecord * 4;

/** What is decoded at once: a string that fits where V8 keeps what is short-lived. */
const windowBytes = 64 * 1024;

const utf8 = new TextEncoder();
/** A byte order mark is a character of a header's key like any other. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** The parts of a buffer of packed records. */
export interface PackedParts {
  readonly buffer: ArrayBuffer;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly places: Int32Array;
  readonly bytes: Uint8Array;
}

/** A buffer with room for so many records and bytes. */
export function packedParts(count: number, size: number): PackedParts {
  return partsOf({ count, buffer: new ArrayBuffer(count * bytesPerRecord + size) });
}

function partsOf({ count, buffer }: PackedRecords): PackedParts {
  return {
    buffer,
    offsets: new Float64Array(buffer, 0, count),
    timestamps: new Float64Array(buffer, count * 8, count),
    places: new Int32Array(buffer, count * 16, count * placesPerRecord),
    bytes: new Uint8Array(buffer, count * bytesPerRecord),
  };
}

/** Packs records. One without an offset or a timestamp gets NaN for it. */
export function packRecords(records: readonly PackableRecord[]): PackedRecords {
  const packedHeaders = records.map(({ headers }) => headers.length === 0 ? undefined : packHeaders(headers));
  const size = records.reduce(
    (sum, { key, value }, i) => sum + lengthOf(key) + lengthOf(value) + lengthOf(packedHeaders[i]),
    0,
  );
  const { buffer, offsets, timestamps, places, bytes } = packedParts(records.length, size);
  let at = 0;
  const append = (part: Uint8Array | null | undefined): number => {
    const start = at;
    if (part) bytes.set(part, at);
    at += lengthOf(part);
    return start;
  };
  records.forEach(({ offset, timestamp, key, value }, i) => {
    offsets[i] = offset ?? NaN;
    timestamps[i] = timestamp ?? NaN;
    const base = i * placesPerRecord;
    places[base + place.keyStart] = append(key);
    places[base + place.keyLength] = key?.length ?? -1;
    places[base + place.valueStart] = append(value);
    places[base + place.valueLength] = value?.length ?? -1;
    places[base + place.headersLength] = lengthOf(packedHeaders[i]);
    append(packedHeaders[i]);
  });
  return { count: records.length, buffer };
}

/** Cuts records into parts that keep to limits, but have one record at least; what keeps to them is not copied. */
export function cutPacked(
  packed: PackedRecords,
  limits: { readonly records: number; readonly bytes: number },
): PackedRecords[] {
  if (packed.count <= 1 || packed.count <= limits.records && packed.buffer.byteLength <= limits.bytes) {
    return [packed];
  }
  const { places } = partsOf(packed);
  const parts: PackedRecords[] = [];
  let start = 0;
  for (let i = 1; i <= packed.count; i++) {
    const firstByte = places[start * placesPerRecord + place.keyStart]!;
    const fits = i < packed.count && i - start < limits.records &&
      endOf(places, i * placesPerRecord) - firstByte <= limits.bytes;
    if (fits) continue;
    parts.push(slicePacked(packed, start, i));
    start = i;
  }
  return parts;
}

/** A copy of some of the records: from an index up to and without another. */
export function slicePacked(packed: PackedRecords, start: number, end: number): PackedRecords {
  const from = partsOf(packed);
  const [first, last] = [start * placesPerRecord, end * placesPerRecord];
  const firstByte = start < end ? from.places[first + place.keyStart]! : 0;
  const endByte = start < end ? endOf(from.places, last - placesPerRecord) : 0;
  const { buffer, offsets, timestamps, places, bytes } = packedParts(end - start, endByte - firstByte);
  offsets.set(from.offsets.subarray(start, end));
  timestamps.set(from.timestamps.subarray(start, end));
  places.set(from.places.subarray(first, last));
  for (let at = 0; at < places.length; at += placesPerRecord) {
    places[at + place.keyStart]! -= firstByte;
    places[at + place.valueStart]! -= firstByte;
  }
  bytes.set(from.bytes.subarray(firstByte, endByte));
  return { count: end - start, buffer };
}

/** The end of a record's bytes, by where its places start. */
function endOf(places: Int32Array, base: number): number {
  return places[base + place.valueStart]! + Math.max(0, places[base + place.valueLength]!) +
    places[base + place.headersLength]!;
}

/** How many of the records come before an offset, all being in order. */
export function countBefore(packed: PackedRecords, offset: Offset): number {
  const { offsets } = partsOf(packed);
  const found = offsets.findIndex((each) => each >= offset);
  return found < 0 ? packed.count : found;
}

/** Copies of the offsets and timestamps: the records' own go to the worker with them. */
export function numbersOf(
  packed: PackedRecords,
): { readonly offsets: Float64Array; readonly timestamps: Float64Array } {
  const { offsets, timestamps } = partsOf(packed);
  return { offsets: offsets.slice(), timestamps: timestamps.slice() };
}

/** Reads packed records in place: what it gives are views on the buffer. */
export class PackedReader {
  readonly count: number;
  readonly #offsets: Float64Array;
  readonly #timestamps: Float64Array;
  readonly #places: Int32Array;
  readonly #bytes: Uint8Array;
  /** The bytes as words; `bytes` start at a whole one. */
  readonly #words: Uint32Array;
  /** A stretch of the bytes as Latin-1, which ASCII is a part of: decoded for many values at once. */
  #window = "";
  #windowStart = 0;

  constructor(packed: PackedRecords) {
    const { offsets, timestamps, places, bytes } = partsOf(packed);
    this.count = packed.count;
    this.#offsets = offsets;
    this.#timestamps = timestamps;
    this.#places = places;
    this.#bytes = bytes;
    this.#words = new Uint32Array(packed.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  offset(i: number): number {
    return this.#offsets[i]!;
  }

  timestamp(i: number): number {
    return this.#timestamps[i]!;
  }

  key(i: number): Uint8Array | null {
    return this.#part(i * placesPerRecord + place.keyStart);
  }

  value(i: number): Uint8Array | null {
    return this.#part(i * placesPerRecord + place.valueStart);
  }

  /** The value as text when it is all ASCII, for little more than a look at its bytes; undefined for any other. */
  ascii(i: number): string | undefined {
    const at = i * placesPerRecord;
    const start = this.#places[at + place.valueStart]!;
    const length = this.#places[at + place.valueLength]!;
    const end = start + length;
    if (length < 0 || length > windowBytes || !this.#isAscii(start, end)) return undefined;
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      this.#windowStart = start;
      this.#window = latin1(this.#bytes.subarray(start, start + windowBytes));
    }
    return this.#window.substring(start - this.#windowStart, end - this.#windowStart);
  }

  /** Looks at four bytes at once where it can. */
  #isAscii(start: number, end: number): boolean {
    let high = 0;
    let at = start;
    for (; at < end && (at & 3) !== 0; at++) high |= this.#bytes[at]!;
    let words = 0;
    for (const last = end - 3; at < last; at += 4) words |= this.#words[at >> 2]!;
    for (; at < end; at++) high |= this.#bytes[at]!;
    return ((words & 0x80808080) | (high & 0x80)) === 0;
  }

  headers(i: number): RecordHeader[] {
    const at = i * placesPerRecord;
    const length = this.#places[at + place.headersLength]!;
    if (length === 0) return [];
    const end = endOf(this.#places, at);
    return unpackHeaders(this.#bytes.subarray(end - length, end));
  }

  /** The records as they are written to a topic. */
  produced(): ProducedRecord[] {
    return Array.from({ length: this.count }, (_, i) => {
      const timestamp = this.timestamp(i);
      return {
        key: this.key(i),
        value: this.value(i),
        headers: this.headers(i),
        ...(!Number.isNaN(timestamp) && { timestamp }),
      };
    });
  }

  /** The bytes whose start and length stand at an index of the places. */
  #part(at: number): Uint8Array | null {
    const start = this.#places[at]!;
    const length = this.#places[at + 1]!;
    return length < 0 ? null : this.#bytes.subarray(start, start + length);
  }
}

function lengthOf(bytes: Uint8Array | null | undefined): number {
  return bytes?.length ?? 0;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function packHeaders(headers: readonly RecordHeader[]): Uint8Array {
  const all = headers.map(({ key, value }) => ({ key: utf8.encode(key), value }));
  const size = all.reduce((sum, { key, value }) => {
    return sum + varintLength(key.length) + key.length + varintLength(value?.length ?? -1) + lengthOf(value);
  }, varintLength(all.length));
  const bytes = new Uint8Array(size);
  let at = writeVarint(bytes, 0, all.length);
  for (const { key, value } of all) {
    at = writeVarint(bytes, at, key.length);
    bytes.set(key, at);
    at = writeVarint(bytes, at + key.length, value?.length ?? -1);
    if (value) bytes.set(value, at);
    at += lengthOf(value);
  }
  return bytes;
}

function unpackHeaders(bytes: Uint8Array): RecordHeader[] {
  const cursor = { at: 0 };
  const take = (length: number) => {
    const part = bytes.subarray(cursor.at, cursor.at + length);
    cursor.at += length;
    return part;
  };
  return Array.from({ length: readVarint(bytes, cursor) }, () => {
    const key = text.decode(take(Math.max(0, readVarint(bytes, cursor))));
    const length = readVarint(bytes, cursor);
    return { key, value: length < 0 ? null : take(length) };
  });
}
