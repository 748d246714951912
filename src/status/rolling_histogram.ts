import { Histogram } from "./histogram.ts";

/** Milliseconds of one slice, and how many there are: the one that fills, and six full ones. */
const sliceLength = 10_000;
const sliceCount = 7;

/**
 * A histogram of about the last minute: of the last 60 to 70 seconds. Values go into slices of ten seconds; the
 * oldest is emptied and filled anew. Nothing runs by itself: the time comes with each call, in milliseconds.
 */
export class RollingHistogram {
  readonly #slices = Array.from({ length: sliceCount }, () => new Histogram());
  /** The number of the slice that fills, counted from time 0. */
  #current = 0;
  #filling = this.#slices[0]!;

  /** Counts a value, in milliseconds. A time before the current slice counts as now. */
  record(value: number, now: number, times = 1): void {
    if (now >= (this.#current + 1) * sliceLength) this.#advance(now);
    this.#filling.record(value, times);
  }

  /** What has been counted in the last minute, as a histogram of its own. */
  snapshot(now: number): Histogram {
    this.#advance(now);
    const all = new Histogram();
    for (const slice of this.#slices) if (slice.count > 0) all.merge(slice);
    return all;
  }

  #advance(now: number): void {
    const target = Math.floor(now / sliceLength);
    const first = Math.max(this.#current + 1, target - sliceCount + 1);
    for (let slice = first; slice <= target; slice++) this.#slices[slice % sliceCount]!.clear();
    this.#current = Math.max(this.#current, target);
    this.#filling = this.#slices[this.#current % sliceCount]!;
  }
}
