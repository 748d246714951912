interface Sample {
  readonly time: number;
  readonly total: number;
}

/** The options of {@linkcode Rate}. */
export interface RateOptions {
  /** Over how many milliseconds the rate is taken. Default: 10,000. */
  readonly span?: number;
  /** Milliseconds between the samples that are kept. Default: 500. */
  readonly spacing?: number;
}

/**
 * How fast a counter rises: the average over the last ten seconds or so, from what the counter showed now and then.
 * Nothing runs by itself: the time comes with each call, in milliseconds.
 */
export class Rate {
  readonly #span: number;
  readonly #spacing: number;
  /** At least `spacing` apart, oldest first; the first is the newest that is older than the span, if there is one. */
  readonly #samples: Sample[] = [];
  #newest: Sample | undefined;

  constructor(options: RateOptions = {}) {
    this.#span = options.span ?? 10_000;
    this.#spacing = options.spacing ?? 500;
  }

  /** Notes what the counter shows. A counter that has gone back has been reset, and the rate starts anew. */
  observe(total: number, now: number): void {
    if (this.#newest && total < this.#newest.total) this.#samples.length = 0;
    this.#newest = { time: now, total };
    const last = this.#samples.at(-1);
    if (!last || now - last.time >= this.#spacing) this.#samples.push(this.#newest);
    this.#prune(now);
  }

  /** The rise a second, by the last observation; 0 until there are two of different times. */
  perSecond(now: number): number {
    this.#prune(now);
    const oldest = this.#samples[0];
    if (!oldest || !this.#newest || now <= oldest.time) return 0;
    return (this.#newest.total - oldest.total) * 1_000 / (now - oldest.time);
  }

  #prune(now: number): void {
    while (this.#samples.length > 1 && this.#samples[1]!.time <= now - this.#span) this.#samples.shift();
  }
}
