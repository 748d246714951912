import { cutPacked, numbersOf } from "../packed_records.ts";
import type { Batch, Offset, PackedRecords } from "../record.ts";

/** Records of one partition that go through the process together. */
export interface Chunk {
  /** The position that they follow. */
  readonly from: Offset;
  /** The position after them. */
  readonly next: Offset;
  readonly records: PackedRecords;
  /** The memory that they take, with what is kept of them for as long as they are on their way. */
  readonly bytes: number;
  readonly offsets: Float64Array;
  /** Milliseconds since 1970. */
  readonly timestamps: Float64Array;
}

/** Bytes of a chunk's objects, about. */
const objectBytes = 200;

/** The memory of what is kept of a chunk besides its records. */
export function keptBytes({ offsets, timestamps }: Pick<Chunk, "offsets" | "timestamps">): number {
  return objectBytes + offsets.byteLength + timestamps.byteLength;
}

/** At most so many records and bytes, but one record at least. */
export interface Limits {
  readonly records: number;
  readonly bytes: number;
}

/** Small enough for a task to be filled close to its limits, large enough to cost nothing. */
const chunkRecords = 1_000;

/** Fetched records of one partition that wait for its worker, in order. */
export class PartitionQueue {
  readonly #limits: Limits;
  #chunks: Chunk[] = [];
  /** How many records wait; a stretch of the log without any counts as one, since the position has to pass it, too. */
  waiting = 0;

  constructor(limits: Limits) {
    this.#limits = { records: Math.min(limits.records, chunkRecords), bytes: limits.bytes };
  }

  /** Adds what was fetched; gives the memory that it takes. */
  push({ from, next, records }: Batch): number {
    let bytes = 0;
    let at = from;
    const parts = cutPacked(records, this.#limits);
    for (const [i, part] of parts.entries()) {
      const numbers = numbersOf(part);
      const end = i === parts.length - 1 ? next : numbers.offsets.at(-1)! + 1;
      const size = part.buffer.byteLength + keptBytes(numbers);
      this.#chunks.push({ from: at, next: end, records: part, bytes: size, ...numbers });
      this.waiting += weightOf(part);
      bytes += size;
      at = end;
    }
    return bytes;
  }

  /** Takes chunks up to the limits, but one at least if there is one. */
  take({ records, bytes }: Limits): Chunk[] {
    let end = 0;
    for (let left = { records, bytes }; end < this.#chunks.length; end++) {
      const chunk = this.#chunks[end]!;
      left = { records: left.records - chunk.records.count, bytes: left.bytes - chunk.bytes };
      if (end > 0 && (left.records < 0 || left.bytes < 0)) break;
    }
    const taken = this.#chunks.splice(0, end);
    for (const chunk of taken) this.waiting -= weightOf(chunk.records);
    return taken;
  }

  clear(): void {
    this.#chunks = [];
    this.waiting = 0;
  }
}

function weightOf({ count }: PackedRecords): number {
  return Math.max(1, count);
}
