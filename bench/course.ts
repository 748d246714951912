/** What a job had done and used when some of its records had just come through, since it started. */
export interface Step {
  /** Seconds, by a clock that only differences are taken of. */
  readonly at: number;
  readonly records: number;
  readonly cpuSeconds: number;
  /** The most memory that the job has held, if that is looked at. */
  readonly peakMemoryMb?: number;
}

/** What records cost between two steps. */
export interface Cost {
  readonly perSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly seconds: number;
  /** The most memory up to the later step, if it was looked at. */
  readonly peakMemoryMb?: number;
}

/** A job that reads a topic of so many records, step by step. */
export class Course {
  readonly #records: number;
  readonly #steps: Step[] = [];

  constructor(records: number) {
    this.#records = records;
  }

  /** Takes a look. It is a step if records have come through since the last one; only then is `used` asked. */
  look(records: number, used: () => Omit<Step, "records">): void {
    if (records > (this.#steps.at(-1)?.records ?? 0)) this.#steps.push({ records, ...used() });
  }

  /** How many records are through. */
  get done(): number {
    return this.#steps.at(-1)?.records ?? 0;
  }

  /**
   * What a record costs while the job is at full work: neither while it starts and fills its queues, nor while it
   * empties them and fetches nothing any more. From the step that reaches a fifth of the records to the one that
   * reaches four fifths, which is before the last. Both ends are moments at which records had just come through. Not a
   * number if there were too few steps.
   */
  steady(): Cost {
    const first = this.reach(this.#records / 5);
    const beforeLast = this.#steps.findLast(({ records }) => records < this.#records);
    const reached = this.reach(this.#records * 4 / 5);
    const last = reached && reached.records < this.#records ? reached : beforeLast;
    return first && last ? cost(first, last) : unknown;
  }

  /** What a record costs from the step that reaches so many to the one that reaches more. */
  between(from: number, to: number): Cost {
    const [first, last] = [this.reach(from), this.reach(to)];
    return first && last ? cost(first, last) : unknown;
  }

  /** The first step that has so many records, if it came to that. */
  reach(records: number): Step | undefined {
    return this.#steps.find((step) => step.records >= records);
  }
}

const unknown: Cost = { perSecond: NaN, cpuSecondsPerMillion: NaN, seconds: NaN };

function cost(from: Step, to: Step): Cost {
  const [records, seconds] = [to.records - from.records, to.at - from.at];
  if (records <= 0) return unknown;
  return {
    perSecond: records / seconds,
    cpuSecondsPerMillion: (to.cpuSeconds - from.cpuSeconds) / records * 1e6,
    seconds,
    ...(to.peakMemoryMb !== undefined && { peakMemoryMb: to.peakMemoryMb }),
  };
}
