import { setImmediate } from "node:timers";
import type { Seeded } from "../support/seeded.ts";

/** What the fakes need of time. */
export interface Timers {
  /** Milliseconds since 1970. */
  readonly now: number;
  after(milliseconds: number, run: () => void): void;
}

interface Timer {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

/**
 * Time that stands still until it is told to go on. While it is held, `setTimeout`, `Date.now`, `performance.now` and
 * `Math.random` of the whole thread are its own: the runtime needs no seam for them, and code that is written later
 * is under control without knowing of it.
 *
 * Of timers that are due at once, the one that was set first runs first; after each, all that it has set off runs to its
 * end. So everything that happens is a function of the seed.
 */
export class HeldTime implements Timers {
  now: number;
  readonly #start: number;
  readonly #timers = new Map<number, Timer>();
  #heap: Timer[] = [];
  #next = 1;

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.now = this.#start = start;
  }

  /** Milliseconds since the start. */
  get elapsed(): number {
    return this.now - this.#start;
  }

  /** Nothing is to come. */
  get idle(): boolean {
    return this.#timers.size === 0;
  }

  after(milliseconds: number, run: () => void): number {
    const timer = { at: this.now + Math.max(0, Number(milliseconds) || 0), number: this.#next++, run };
    this.#timers.set(timer.number, timer);
    this.#push(timer);
    return timer.number;
  }

  cancel(number: number | undefined): void {
    if (number !== undefined) this.#timers.delete(number);
  }

  /** Goes on until the condition holds, or to the end; answers whether it held. `each` is called after every timer. */
  async run(end: number, done: () => boolean, each: () => void = () => {}): Promise<boolean> {
    await settled();
    while (!done()) {
      const timer = this.#pop(end);
      if (!timer) {
        this.now = Math.max(this.now, end);
        return done();
      }
      this.now = timer.at;
      timer.run();
      await settled();
      each();
    }
    return true;
  }

  /** Takes the thread's clock and its randomness until it is disposed of. */
  hold(random: Seeded): Disposable {
    const held = { setTimeout, clearTimeout, dateNow: Date.now, random: Math.random };
    const scope = globalThis as unknown as Record<string, unknown>;
    scope["setTimeout"] = (run: (...args: unknown[]) => void, milliseconds?: number, ...args: unknown[]) =>
      this.after(milliseconds ?? 0, () => run(...args));
    scope["clearTimeout"] = (timer?: number) => this.cancel(timer);
    Date.now = () => Math.floor(this.now);
    Math.random = () => random.fraction();
    Object.defineProperty(performance, "now", { value: () => this.elapsed, configurable: true });
    return {
      [Symbol.dispose]() {
        scope["setTimeout"] = held.setTimeout;
        scope["clearTimeout"] = held.clearTimeout;
        Date.now = held.dateNow;
        Math.random = held.random;
        delete (performance as unknown as Record<string, unknown>)["now"];
      },
    };
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) break;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  /** The next timer that is due by then, and was not cancelled. */
  #pop(end: number): Timer | undefined {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0]!.at <= end) {
      const first = heap[0]!;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        this.#sink();
      }
      if (this.#timers.delete(first.number)) return first;
    }
    return undefined;
  }

  #sink(): void {
    const heap = this.#heap;
    for (let at = 0;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}

/** Resolves when every promise that can go on has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
