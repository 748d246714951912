import type { Status } from "../status/snapshot.ts";

/** Milliseconds that something may be wrong before it is told, and must be well before that is: the log is no ticker. */
const patience = 3_000;

interface Trouble {
  readonly since: number;
  told: boolean;
  /** Since when it is over, if it is. */
  over: number | undefined;
}

/**
 * What the log says of pipelines that stall and services that are down: once when it lasts, and once when it is over.
 * Nothing runs by itself: `look` is to be called about every second.
 */
export class Troubles {
  /** By what they are with. */
  readonly #open = new Map<string, Trouble>();

  /**
   * The lines to say.
   *
   * @param time In milliseconds, by a clock that never goes back.
   */
  look(status: Status, time: number): string[] {
    return subjectsOf(status).flatMap((subject) => {
      const line = subject.wrong === undefined ? this.#well(subject, time) : this.#wrong(subject, time);
      return line === undefined ? [] : [`${subject.name} ${line}`];
    });
  }

  #wrong({ name, wrong }: Subject, time: number): string | undefined {
    const trouble = this.#open.get(name) ?? { since: time, told: false, over: undefined };
    this.#open.set(name, trouble);
    trouble.over = undefined;
    if (trouble.told || time - trouble.since < patience) return undefined;
    trouble.told = true;
    return wrong;
  }

  #well({ name, well }: Subject, time: number): string | undefined {
    const trouble = this.#open.get(name);
    if (!trouble) return undefined;
    trouble.over ??= time;
    if (trouble.told && time - trouble.over < patience) return undefined;
    this.#open.delete(name);
    return trouble.told
      ? `${well} again after ${Math.round((trouble.over - trouble.since) / 1_000)} s`
      : undefined;
  }
}

interface Subject {
  readonly name: string;
  /** What is wrong with it; undefined when nothing is. */
  readonly wrong: string | undefined;
  /** What it does when nothing is. */
  readonly well: string;
}

/** A pipeline that has failed for good has said so itself, and one that drains was told to. */
function subjectsOf({ pipelines, services }: Status): Subject[] {
  return [
    ...pipelines.filter(({ state }) => state === "running" || state === "stalled").map(
      ({ name, state, reason }) => ({
        name: `${name}:`,
        wrong: state === "stalled" ? `stalled: ${reason}` : undefined,
        well: "runs",
      }),
    ),
    ...services.map(({ role, kind, state, detail }) => ({
      name: `the ${role} (${kind})`,
      wrong: state === "down" ? `is down: ${detail}` : undefined,
      well: "is up",
    })),
  ];
}
