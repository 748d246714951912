import type { RecordContext } from "../operators/mod.ts";

/** The event time of a partition whose records so far were all too far ahead of the clock to count. */
export const noPartitionTime = -1;

/** The record that a worker is at, for steps and collectors; one object, which the executor sets anew for each record. */
export class CurrentRecord {
  context!: RecordContext;
  /** Its index over all slices of the task. */
  index = 0;
  /** The partition's, before this record; -Infinity while nothing can be late. */
  watermark = -Infinity;
  /** The warehouse has not got it yet. */
  isNew = true;
  /** The partition's event time with this record, ms since 1970, or {@linkcode noPartitionTime}. */
  partitionTime = noPartitionTime;
  /** How many rows the outputs took of it. */
  rows = 0;
  /** What it came too late for: windows, or values that an operator kept; undefined: nothing. */
  late: { readonly stage: string; readonly missed: "windows" | "states" } | undefined;
  /** The latest write timestamp that it was given, µs since 1970. */
  lastWriteTime = 0;
  #nextWriteTime = 0;

  /** Goes on to the next record; its context and partition time follow when it is decoded. */
  start(index: number, watermark: number, writeTime: number, isNew: boolean): void {
    this.index = index;
    this.isNew = isNew;
    this.watermark = watermark;
    this.rows = 0;
    this.late = undefined;
    this.lastWriteTime = writeTime;
    this.#nextWriteTime = writeTime;
  }

  /** A write timestamp, µs since 1970, larger than any before in this partition. */
  nextWriteTime(): number {
    this.lastWriteTime = this.#nextWriteTime;
    return this.#nextWriteTime++;
  }
}
