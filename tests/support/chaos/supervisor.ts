import type { Seeded } from "../seeded.ts";
import { PostgresProxy } from "../postgres_proxy.ts";
import type { WeirProcess } from "../weir_process.ts";
import type { Job } from "./job.ts";
import { failpoints } from "../../../src/runtime/failpoints.ts";

/** COMMIT is made, and its answer still on the way: only the connection knows when that is. */
const beforeCommitsAnswer = "warehouse.commit.answer";

/** All moments at which a process can be killed; resets are for a command. */
export const deadlyMoments: readonly string[] = [
  ...failpoints.filter((point) => !point.startsWith("resets.")),
  beforeCommitsAnswer,
];

/**
 * Keeps so many processes of a job running. Each is killed by kill -9 at a random moment of those above, and started
 * again at once, until there were enough kills.
 */
export class Supervisor implements AsyncDisposable {
  readonly #job: Job;
  readonly #random: Seeded;
  readonly #target: number;
  readonly #running = new Set<WeirProcess>();
  readonly #loops: Promise<void>[];
  #stopping = false;
  #failure: unknown;
  /** How often a process was killed at each moment. */
  readonly kills = new Map<string, number>();

  /** @param target How many kills there are to be. */
  constructor(job: Job, processes: number, target: number) {
    this.#job = job;
    this.#random = job.random;
    this.#target = target;
    this.#loops = Array.from({ length: processes }, () => this.#keepRunning());
    // Each is awaited in the end; until then a failure is to be kept.
    for (const loop of this.#loops) loop.catch((error) => this.#failure ??= error);
  }

  get killed(): number {
    return [...this.kills.values()].reduce((sum, each) => sum + each, 0);
  }

  /** Set when a process has ended by itself, which no moment above does. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Ends the processes that still run as an operator does. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const weir of this.#running) weir.signal("SIGTERM");
    await Promise.all(this.#loops);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#running].map((weir) => weir.kill()));
    await Promise.allSettled(this.#loops);
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopping) {
      const moment = this.killed < this.#target ? this.#random.pick(deadlyMoments) : undefined;
      using proxy = new PostgresProxy(this.#job.servers.postgres);
      const weir = this.#start(moment, proxy);
      this.#running.add(weir);
      const { code, signal } = await weir.ended;
      this.#running.delete(weir);
      if (signal === "SIGKILL" && moment !== undefined && !this.#stopping) {
        this.kills.set(moment, (this.kills.get(moment) ?? 0) + 1);
      } else if (!this.#stopping) {
        throw new Error(`A process ended with ${signal ?? `code ${code}`}; it printed:\n${weir.printed()}`);
      }
    }
  }

  #start(moment: string | undefined, proxy: PostgresProxy): WeirProcess {
    const options = {
      through: { postgres: proxy.url },
      // Members of both kinds share a group.
      client: this.#random.pick(["kafkajs", "platformatic"] as const),
    };
    if (moment === undefined) return this.#job.start(options);
    if (moment === beforeCommitsAnswer) {
      const weir = this.#job.start(options);
      proxy.lose({ after: "weir.advance", holding: "COMMIT" }).then(() => weir.signal("SIGKILL"));
      return weir;
    }
    // A claim comes once in an assignment, a publisher is opened once by who holds it; the others come all the time.
    const nth = /claim|open/.test(moment) ? 1 : this.#random.integer(1, 12);
    return this.#job.start({ ...options, failpoint: `${moment}:${nth}:kill` });
  }
}
