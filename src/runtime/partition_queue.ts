import type { Batch, Offset, SourceRecord } from "../record.ts";

/** What was taken from a queue: the next records of the partition. */
export interface Taken {
  readonly records: SourceRecord[];
  /** Bytes of keys, values and headers. */
  readonly bytes: number;
  /** The position after them. */
  readonly next: Offset;
}

/** Fetched records of one partition that wait for its worker, in order. */
export class PartitionQueue {
  #batches: { readonly batch: Batch; at: number }[] = [];
  #records = 0;

  /** True when there is nothing to take, not even a position to move. */
  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** How many records wait. */
  get records(): number {
    return this.#records;
  }

  push(batch: Batch): void {
    this.#batches.push({ batch, at: 0 });
    this.#records += batch.records.length;
  }

  clear(): void {
    this.#batches = [];
    this.#records = 0;
  }

  /** Takes records up to both bounds, but at least one; undefined when nothing waits. */
  take(maxRecords: number, maxBytes: number): Taken | undefined {
    if (this.isEmpty) return undefined;
    const records: SourceRecord[] = [];
    let bytes = 0;
    let next = 0;
    let used = 0;
    for (const waiting of this.#batches) {
      const { batch } = waiting;
      while (waiting.at < batch.records.length) {
        const record = batch.records[waiting.at]!;
        const size = recordBytes(record);
        if (records.length > 0 && (records.length >= maxRecords || bytes + size > maxBytes)) break;
        records.push(record);
        bytes += size;
        next = record.offset + 1;
        waiting.at++;
      }
      if (waiting.at < batch.records.length) break;
      next = batch.next;
      used++;
    }
    this.#batches.splice(0, used);
    this.#records -= records.length;
    return { records, bytes, next };
  }
}

/** A fixed part stands for what an object costs beside its bytes. */
const recordOverhead = 64;

/** About how much memory a record holds. */
export function recordBytes(record: SourceRecord): number {
  let bytes = recordOverhead + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const header of record.headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}
