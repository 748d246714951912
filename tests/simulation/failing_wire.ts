import type { HeldTime } from "./held_time.ts";
import type { Seeded } from "../support/seeded.ts";
import { noFaults, type Service, Wire } from "./wire.ts";

/** What happens at one of the calls of a process. */
export const failures = [
  "killed before it",
  "killed after it",
  "its request is lost",
  "its answer is lost",
] as const;

export interface Failure {
  readonly what: typeof failures[number];
  /** 1 for the first call. */
  readonly nth: number;
}

/** A wire on which one call fails, and which is sound apart from that. */
export class FailingWire extends Wire {
  /** The call that failed; undefined as long as there was none. */
  failed: string | undefined;
  readonly #failure: Failure;
  #calls = 0;

  constructor(
    name: string,
    failure: Failure,
    time: HeldTime,
    random: Seeded,
    trace: (line: string) => void,
  ) {
    super(name, time, random, noFaults(), trace);
    this.#failure = failure;
  }

  override call<T>(service: Service, what: string, action: () => T, line?: string): Promise<T> {
    if (this.dead || ++this.#calls !== this.#failure.nth) return super.call(service, what, action, line);
    this.failed = what;
    this.trace(`${this.name}: ${what}: ${this.#failure.what}`);
    const gone = (): never => {
      throw new Error(`${service}: connection reset`);
    };
    switch (this.#failure.what) {
      case "killed before it":
        this.cut();
        return new Promise(() => {});
      case "killed after it":
        return super.call(service, what, () => (action(), this.cut() as never), line);
      case "its request is lost":
        return super.call(service, what, gone, line);
      case "its answer is lost":
        return super.call(service, what, () => (action(), gone()), line);
    }
  }
}
