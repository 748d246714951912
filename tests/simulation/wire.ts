import type { Seeded } from "../support/seeded.ts";
import type { Timers } from "./held_time.ts";

export type Service = "log" | "tables" | "warehouse";

/** What goes wrong on the way, each from 0 to 1. */
export interface Faults {
  /** A request fails, and nothing was done. */
  refused: number;
  /** It was done, and the answer is an error. */
  lost: number;
  /** The request or the answer takes up to half a minute. */
  slow: number;
  /** Services that answer nobody. */
  readonly down: Set<Service>;
}

export function noFaults(): Faults {
  return { refused: 0, lost: 0, slow: 0, down: new Set() };
}

/**
 * What connects one process with the services. Each request and each answer takes a time of its own, so that they come
 * in any order. A process that is dead hears nothing more; one that is frozen hears and says everything later.
 */
export class Wire {
  dead = false;
  #frozen = false;
  #held: (() => void)[] = [];
  /** When the last request of a line arrives. */
  readonly #arrivals = new Map<string, number>();
  #freezesAt: { readonly request: RegExp; readonly then: () => void } | undefined;

  constructor(
    /** The process's, for the trace. */
    readonly name: string,
    readonly time: Timers,
    readonly random: Seeded,
    readonly faults: Faults,
    readonly trace: (line: string) => void,
  ) {}

  get frozen(): boolean {
    return this.#frozen;
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** Freezes when the process makes the next such request, before it goes out. */
  freezeAt(request: RegExp, then: () => void): void {
    this.#freezesAt = { request, then };
  }

  thaw(): void {
    this.#frozen = false;
    for (const each of this.#held.splice(0)) each();
  }

  /** What is on its way still arrives; nothing comes back. */
  cut(): void {
    this.dead = true;
    this.#held = [];
  }

  /**
   * Does something at a service's side; the answer comes later.
   *
   * @param line Requests of one line arrive in order. Default: in any.
   */
  call<T>(service: Service, what: string, action: () => T, line?: string): Promise<T> {
    if (this.#freezesAt?.request.test(what) && !this.#frozen) {
      const { then } = this.#freezesAt;
      this.#freezesAt = undefined;
      this.freeze();
      then();
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { faults, random, time } = this;
    const refused = random.chance(faults.refused);
    const lost = !refused && random.chance(faults.lost);
    const fail = (why: string) => {
      this.trace(`${this.name}: ${what}: ${why}`);
      this.hear(() => reject(new Error(`${service}: ${why}`)));
    };
    const arrive = () => {
      if (refused || faults.down.has(service)) return fail("connection refused");
      let answer: () => void;
      try {
        const result = action();
        answer = () => resolve(result);
      } catch (error) {
        answer = () => reject(error);
      }
      if (lost) fail("connection reset after it was done");
      else time.after(this.#delay(), () => this.hear(answer));
    };
    this.hear(() => time.after(this.#arrival(line), arrive));
    return promise;
  }

  /** Lets the process know, or do, something: now, when it goes on, or never. */
  hear(what: () => void): void {
    if (this.dead) return;
    if (this.#frozen) this.#held.push(what);
    else what();
  }

  /** Milliseconds until a request arrives. */
  #arrival(line: string | undefined): number {
    const { now } = this.time;
    const at = Math.max(now + this.#delay(), line === undefined ? 0 : this.#arrivals.get(line) ?? 0);
    if (line !== undefined) this.#arrivals.set(line, at);
    return at - now;
  }

  #delay(): number {
    const { random, faults } = this;
    if (random.chance(faults.slow)) return random.integer(100, 30_000);
    return random.chance(0.5) ? 0 : random.integer(1, 20);
  }
}
