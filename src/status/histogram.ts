/** Buckets to each power of two, as a power of two: 32 buckets, each 3% wide, so that a middle is at most 1.6% off. */
const subBucketBits = 5;
const shift = 23 - subBucketBits;

/** What is told apart, in milliseconds; values outside count as the nearer end. */
const lowest = 0.01;
const highest = 1e7;

const firstBucket = bitsOf(lowest) >>> shift;
const bucketCount = (bitsOf(highest) >>> shift) - firstBucket + 1;

/**
 * How often values occurred, in about 8 kB whatever their number. Log-linear, as HdrHistogram: every power of two is cut
 * into 32 equal buckets. A bucket's number is the exponent and the first bits of the mantissa of the value as a
 * 32-bit float, so that counting needs no logarithm.
 */
export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  readonly #float = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);
  #total = 0;

  /** How many values are counted. */
  get count(): number {
    return this.#total;
  }

  /** Counts a value, in milliseconds. Values that are negative, as clocks that differ make them, count as the smallest. */
  record(value: number, times = 1): void {
    this.#float[0] = value > lowest ? (value < highest ? value : highest) : lowest;
    this.#counts[(this.#bits[0]! >>> shift) - firstBucket]! += times;
    this.#total += times;
  }

  /**
   * The value that `p` percent (0 to 100) of the values do not exceed, within 1.6%; null when there are none.
   * It is the nearest rank: the 50th percentile of 1, 2, 3, 4 is 2.
   */
  percentile(p: number): number | null {
    if (this.#total === 0) return null;
    const rank = Math.max(1, Math.ceil(p / 100 * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return middle(bucket);
    }
    return highest;
  }

  /** Adds what another histogram has counted. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < bucketCount; bucket++) this.#counts[bucket]! += other.#counts[bucket]!;
    this.#total += other.#total;
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}

function middle(bucket: number): number {
  const value = (start(bucket) + start(bucket + 1)) / 2;
  return Math.min(Math.max(value, lowest), highest);
}

function start(bucket: number): number {
  return new Float32Array(new Uint32Array([(bucket + firstBucket) << shift]).buffer)[0]!;
}

function bitsOf(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}
