/** So many waiting records are no longer few: they go on at once. */
const enough = 500;

/**
 * Lets records gather for a few milliseconds before they go to the workers together, at most once in each interval: a
 * batch costs the same to send, write and commit whether it has one record or twenty. The first record after a quiet
 * time waits for nothing.
 */
export class Gathering {
  readonly #interval: number;
  readonly #now: () => number;
  readonly #done: () => void;
  #last = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param done Called when an interval is over in which `over` has said no. */
  constructor(interval: number, now: () => number, done: () => void) {
    this.#interval = interval;
    this.#now = now;
    this.#done = done;
  }

  /** Whether waiting records may go on now; if not, `done` will be called. */
  over(waiting: number): boolean {
    if (waiting === 0) return false;
    const time = this.#now();
    // A clock that was set back must not hold records up for longer.
    const left = Math.min(this.#last - time, 0) + this.#interval;
    if (left <= 0 || waiting >= enough) {
      this.#last = time;
      return true;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#last = this.#now();
      this.#done();
    }, left);
    return false;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
