import { checkCount } from "./count.ts";
import { openFaker, seedOf } from "./faker.ts";
import type { Producer } from "./mod.ts";

/** The options of {@linkcode fakerLines}. */
export interface FakerLinesOptions {
  /** How many lines a run produces. Default: 20. */
  readonly count?: number;
}

/**
 * Made-up sentences of a small vocabulary, so that words come again. A run's time decides what they say.
 *
 * @throws {TypeError} when `count` is not a whole number from 1 to 5000.
 */
export function fakerLines({ count = 20 }: FakerLinesOptions = {}): Producer<string> {
  checkCount("fakerLines()", count, 5_000);
  return async function* (run) {
    const faker = await openFaker(seedOf(run));
    for (let i = 0; i < count; i++) yield { key: null, value: faker.hacker.phrase() };
  };
}
