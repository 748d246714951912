import { failpoints } from "../../../src/runtime/failpoints.ts";
import type { Seeded } from "../seeded.ts";

/** COMMIT is made, and its answer still on the way: only the connection knows when that is. */
export const beforeCommitsAnswer = "warehouse.commit.answer";

/** Only the first process of a job comes by these. */
const beginning = failpoints.filter((point) => point.startsWith("warehouse.setPositions."));
/** Resets are for a command. */
const others = [
  ...failpoints.filter((point) => !beginning.includes(point) && !point.startsWith("resets.")),
  beforeCommitsAnswer,
];

/** Whether a process comes by a moment only when it is told to stop. */
export function isEnding(moment: string): boolean {
  return /^(consumer\.stop|publisher\.close|outbox\.release)\./.test(moment);
}

/** The most times that every process comes by a moment, so that it can be killed at any of them. */
export function timesPassed(moment: string): number {
  if (isEnding(moment) || beginning.includes(moment)) return 1;
  // The job has one table in Cassandra, and one stream that is known from the start.
  if (/^(tables\.createTable|outbox\.create)\./.test(moment)) return 1;
  // Once for each topic, table, stage or partition, when it starts or is assigned something.
  if (/create|consumer\.start|claim|open/.test(moment)) return 2;
  // When nothing comes for a moment, which is looked for once a second.
  if (/markIdle|wake/.test(moment)) return 3;
  return 12;
}

/** The moments at which processes are killed: shuffled, and shuffled anew when all have come. */
export class Moments {
  readonly #random: Seeded;
  readonly #beginning: string[] = [];
  readonly #others: string[] = [];
  /** How often a process was killed at each. */
  readonly kills = new Map([...beginning, ...others].map((moment) => [moment, 0]));

  constructor(random: Seeded) {
    this.#random = random;
  }

  /** @param isFirst Whether it is for a job that has read nothing yet. */
  next(isFirst: boolean): string {
    const deck = isFirst ? this.#beginning : this.#others;
    if (deck.length === 0) deck.push(...this.#shuffled(isFirst ? beginning : others));
    return deck.pop()!;
  }

  killedAt(moment: string): void {
    this.kills.set(moment, this.kills.get(moment)! + 1);
  }

  /** Nobody was killed at it after all. */
  putBack(moment: string): void {
    (beginning.includes(moment) ? this.#beginning : this.#others).push(moment);
  }

  #shuffled(moments: readonly string[]): string[] {
    return moments.map((moment) => ({ moment, at: this.#random.fraction() }))
      .sort((a, b) => a.at - b.at).map(({ moment }) => moment);
  }
}
