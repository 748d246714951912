import process from "node:process";
import { Course } from "../course.ts";

/** Parses records as JSON, counts them, and takes the time. */
export class ParseMeter {
  readonly #expected: number;
  readonly #course: Course;
  #parsed = 0;
  #fields = 0;
  #finish: (course: Course) => void = () => {};
  /** Resolves when all that were expected are parsed. */
  readonly done = new Promise<Course>((resolve) => this.#finish = resolve);

  constructor(expected: number) {
    this.#expected = expected;
    this.#course = new Course(expected);
  }

  parse(value: Uint8Array & { toString(): string }): void {
    // A field is looked at, so that no engine may leave the work out.
    this.#fields += JSON.parse(value.toString()).username === "" ? 0 : 1;
    this.#parsed++;
  }

  /** A batch, or a part of one, has come in whole. */
  batch(): void {
    const whole = this.#parsed >= this.#expected;
    if (!whole && this.#parsed - this.#course.done < stepRecords) return;
    if (this.#fields !== this.#parsed) throw new Error("A record without a username came by");
    this.#course.look(this.#parsed, used);
    if (whole) this.#finish(this.#course);
  }
}

/** Looking at the clocks is work of its own, too much of it after each record or small batch. */
export const stepRecords = 1_000;

/** What this process has used by now. */
export function used(): { readonly at: number; readonly cpuSeconds: number } {
  const { user, system } = process.cpuUsage();
  return { at: performance.now() / 1_000, cpuSeconds: (user + system) / 1e6 };
}
