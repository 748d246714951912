/**
 * Records in one buffer, so that they cross between threads by being handed over, not copied.
 *
 * Layout, n being the number of records: n offsets and n timestamps (float64), then n key, value and header lengths
 * (int32, -1 for null), then each record's key, value and headers, end to end. Headers are a sequence of
 * key length, key, value length (-1 for null), value; a record without any has length 0.
 */
import { Buffer } from "node:buffer";
import type { ProducedRecord, RecordHeader } from "../record.ts";

export interface PackedRecords {
  readonly count: number;
  readonly buffer: ArrayBuffer;
}

/** What can be packed: records as read, and records to be written, whose offset is not known yet. */
export interface PackableRecord {
  readonly offset?: number;
  readonly timestamp?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** What is decoded at once: a string that fits where V8 keeps what is short-lived. */
const windowBytes = 64 * 1024;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

const utf8 = new TextEncoder();
const lengthsPerRecord = 3;
const bytesPerRecord = 2 * 8 + lengthsPerRecord * 4;

/** Packs records. One without an offset or a timestamp gets NaN for it. This runs on main, for every record. */
export function packRecords(records: readonly PackableRecord[]): PackedRecords {
  const count = records.length;
  let headers: (Uint8Array | undefined)[] | undefined;
  let payload = 0;
  for (let i = 0; i < count; i++) {
    const record = records[i]!;
    payload += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (record.headers.length === 0) continue;
    headers ??= [];
    payload += (headers[i] = packHeaders(record.headers)).length;
  }
  const buffer = new ArrayBuffer(count * bytesPerRecord + payload);
  const numbers = new Float64Array(buffer, 0, count * 2);
  const lengths = new Int32Array(buffer, count * 16, count * lengthsPerRecord);
  const bytes = new Uint8Array(buffer);
  let at = count * bytesPerRecord;
  const append = (part: Uint8Array | null | undefined): void => {
    if (!part) return;
    bytes.set(part, at);
    at += part.length;
  };
  for (let i = 0; i < count; i++) {
    const { offset, timestamp, key, value } = records[i]!;
    numbers[i] = offset ?? NaN;
    numbers[count + i] = timestamp ?? NaN;
    lengths[i * lengthsPerRecord] = key?.length ?? -1;
    lengths[i * lengthsPerRecord + 1] = value?.length ?? -1;
    lengths[i * lengthsPerRecord + 2] = headers?.[i]?.length ?? 0;
    append(key);
    append(value);
    append(headers?.[i]);
  }
  return { count, buffer };
}

/** Copies of the offsets and timestamps: the records' own go to the worker with them. */
export function numbersOf(
  { count, buffer }: PackedRecords,
): { readonly offsets: Float64Array; readonly timestamps: Float64Array } {
  const numbers = new Float64Array(buffer, 0, count * 2);
  return { offsets: numbers.slice(0, count), timestamps: numbers.slice(count) };
}

/** Reads packed records in place: what it gives are views on the buffer. */
export class PackedReader {
  readonly count: number;
  readonly #numbers: Float64Array;
  readonly #lengths: Int32Array;
  readonly #starts: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** What is behind the last whole word. */
  readonly #tail: number;
  /** A stretch of the bytes as Latin-1, which ASCII is a part of: decoded for many values at once. */
  #window = "";
  #windowStart = 0;

  constructor(packed: PackedRecords) {
    const { count, buffer } = packed;
    this.count = count;
    this.#numbers = new Float64Array(buffer, 0, count * 2);
    this.#lengths = new Int32Array(buffer, count * 16, count * lengthsPerRecord);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
    this.#tail = this.#bytes.subarray(this.#words.length * 4).reduce((bits, byte) => bits | byte, 0);
    this.#starts = new Float64Array(count);
    let at = count * bytesPerRecord;
    for (let i = 0; i < count; i++) {
      this.#starts[i] = at;
      at += this.#keyLength(i) + this.#valueLength(i) + this.#lengths[i * lengthsPerRecord + 2]!;
    }
  }

  offset(i: number): number {
    return this.#numbers[i]!;
  }

  timestamp(i: number): number {
    return this.#numbers[this.count + i]!;
  }

  key(i: number): Uint8Array | null {
    const start = this.#starts[i]!;
    return this.#lengths[i * lengthsPerRecord]! < 0
      ? null
      : this.#bytes.subarray(start, start + this.#keyLength(i));
  }

  value(i: number): Uint8Array | null {
    const start = this.#starts[i]! + this.#keyLength(i);
    return this.#lengths[i * lengthsPerRecord + 1]! < 0
      ? null
      : this.#bytes.subarray(start, start + this.#valueLength(i));
  }

  /** The value as text when it is all ASCII, for little more than a look at its bytes; undefined for any other. */
  ascii(i: number): string | undefined {
    const length = this.#lengths[i * lengthsPerRecord + 1]!;
    const start = this.#starts[i]! + this.#keyLength(i);
    const end = start + length;
    if (length < 0 || length > windowBytes || !this.#isAscii(start, end)) return undefined;
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      this.#windowStart = start;
      this.#window = latin1(this.#bytes.subarray(start, start + windowBytes));
    }
    return this.#window.substring(start - this.#windowStart, end - this.#windowStart);
  }

  /** Looks at whole words, so that bytes beside the range may make it say no. */
  #isAscii(start: number, end: number): boolean {
    const last = Math.min(end + 3 >> 2, this.#words.length);
    let bits = end > this.#words.length * 4 ? this.#tail : 0;
    for (let at = start >> 2; at < last; at++) bits |= this.#words[at]!;
    return (bits & 0x80808080) === 0;
  }

  headers(i: number): RecordHeader[] {
    const start = this.#starts[i]! + this.#keyLength(i) + this.#valueLength(i);
    return unpackHeaders(this.#bytes.subarray(start, start + this.#lengths[i * lengthsPerRecord + 2]!));
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

  #keyLength(i: number): number {
    return Math.max(0, this.#lengths[i * lengthsPerRecord]!);
  }

  #valueLength(i: number): number {
    return Math.max(0, this.#lengths[i * lengthsPerRecord + 1]!);
  }
}

function packHeaders(headers: readonly RecordHeader[]): Uint8Array {
  const keys = headers.map((header) => utf8.encode(header.key));
  const size = headers.reduce((sum, { value }, i) => sum + 8 + keys[i]!.length + (value?.length ?? 0), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  headers.forEach(({ value }, i) => {
    view.setInt32(at, keys[i]!.length);
    bytes.set(keys[i]!, at + 4);
    at += 4 + keys[i]!.length;
    view.setInt32(at, value?.length ?? -1);
    if (value) bytes.set(value, at + 4);
    at += 4 + (value?.length ?? 0);
  });
  return bytes;
}

function unpackHeaders(bytes: Uint8Array): RecordHeader[] {
  const headers: RecordHeader[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A byte order mark is a character of the key like any other.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let at = 0; at < bytes.length;) {
    const keyEnd = at + 4 + view.getInt32(at);
    const key = utf8.decode(bytes.subarray(at + 4, keyEnd));
    const length = view.getInt32(keyEnd);
    at = keyEnd + 4 + Math.max(0, length);
    headers.push({ key, value: length < 0 ? null : bytes.subarray(keyEnd + 4, at) });
  }
  return headers;
}
