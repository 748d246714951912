import type { Offset } from "../record.ts";

interface Sample {
  time: number;
  end: Offset;
}

/** How many samples are kept: enough for two minutes at one a second before any is thinned out. */
const capacity = 128;

/**
 * When records came into a partition, as far as its end offset tells, seen now and then. Memory is bounded: when it is
 * full, every second sample goes, so that the older a stretch is, the coarser it is known.
 */
export class ArrivalTimes {
  #samples: Sample[] = [];

  /** Notes the end offset at a time, in milliseconds. An end that has gone back means another topic: all is forgotten. */
  observe(end: Offset, now: number): void {
    const last = this.#samples.at(-1);
    if (last && end < last.end) this.#samples = [];
    if (end === last?.end && end === this.#samples.at(-2)?.end) {
      last.time = now; // A still stretch needs only its first and its last sample.
      return;
    }
    if (this.#samples.length >= capacity) {
      this.#samples = this.#samples.filter((_, at) => at % 2 === 0 || at === capacity - 1);
    }
    this.#samples.push({ time: now, end });
  }

  /** Forgets when records before an offset came. */
  forgetBefore(offset: Offset): void {
    const keep = this.#samples.findLastIndex((sample) => sample.end <= offset);
    if (keep > 0) this.#samples.splice(0, keep);
  }

  /**
   * When the record of an offset came in: between the samples around it, as if records came evenly. Null when it was
   * there at the first sample, or has not come yet.
   */
  arrival(offset: Offset): number | null {
    const at = this.#samples.findIndex((sample) => sample.end > offset);
    const before = this.#samples[at - 1];
    const after = this.#samples[at];
    if (!before || !after) return null;
    const share = (offset + 1 - before.end) / (after.end - before.end);
    return before.time + share * (after.time - before.time);
  }
}
