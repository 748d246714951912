import type { Status } from "../../../src/status/snapshot.ts";
import { PostgresProxy } from "../postgres_proxy.ts";
import type { Seeded } from "../seeded.ts";
import type { WeirProcess } from "../weir_process.ts";
import type { Job } from "./job.ts";
import { beforeCommitsAnswer, isEnding, type Moments, timesPassed } from "./moments.ts";
import { until } from "./until.ts";

/**
 * Keeps so many processes of a job running. Each is killed by kill -9 at a moment of its own, and started again at once,
 * until there were enough kills.
 */
export class Supervisor implements AsyncDisposable {
  readonly #job: Job;
  readonly #moments: Moments;
  readonly #random: Seeded;
  readonly #processes: number;
  readonly #target: number;
  /** Those that run, and the moments at which they are to be killed. */
  readonly #running = new Map<WeirProcess, string | undefined>();
  /** Those that were told to stop. */
  readonly #told = new Set<WeirProcess>();
  readonly #loops: Promise<void>[];
  #stopping = false;
  #failure: unknown;
  /** How often a process was killed. */
  killed = 0;

  /** @param target How many kills there are to be. */
  constructor(job: Job, moments: Moments, processes: number, target: number) {
    this.#job = job;
    this.#moments = moments;
    this.#random = job.random;
    this.#processes = processes;
    this.#target = target;
    this.#loops = Array.from({ length: processes }, () => this.#keepRunning());
    // Each is awaited in the end; until then a failure is to be kept.
    for (const loop of this.#loops) loop.catch((error) => this.#failure ??= error);
  }

  /** Set when a process has ended by itself, which no moment makes it do. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Has processes run from now on that are not going to be killed. To be called when there were enough kills. */
  async settle(): Promise<void> {
    for (const [weir, moment] of this.#running) if (moment !== undefined) this.#tell(weir);
    await until("no process is to be killed any more", () => {
      const moments = [...this.#running.values()];
      return this.#failure !== undefined ||
        moments.length === this.#processes && moments.every((moment) => moment === undefined);
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the processes that still run as an operator does. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const weir of this.#running.keys()) this.#tell(weir);
    await Promise.all(this.#loops);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const weir of this.#running.keys()) signal(weir, "SIGKILL");
    await Promise.allSettled(this.#loops);
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopping) {
      const moment = this.killed < this.#target ? this.#nextMoment() : undefined;
      using proxy = new PostgresProxy(this.#job.servers.postgres);
      const weir = this.#start(moment, proxy);
      this.#running.set(weir, moment);
      const end = await weir.ended;
      this.#running.delete(weir);
      // One that is told before it listens ends by the signal.
      if (this.#told.has(weir) && (end.code === 0 || end.signal === "SIGTERM")) {
        if (moment !== undefined) this.#moments.putBack(moment);
      } else if (end.signal === "SIGKILL" && moment !== undefined) {
        this.killed++;
        this.#moments.killedAt(moment);
      } else if (end.signal !== "SIGKILL" || !this.#stopping) {
        throw new Error(
          `A process ended with ${end.signal ?? `code ${end.code}`}; it printed:\n${weir.printed()}`,
        );
      }
    }
  }

  /** Of several processes that start at once, one is the first to read something; which one is not known. */
  #nextMoment(): string {
    return this.#moments.next(this.#job.started === 0 && this.#processes === 1);
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
      proxy.lose({ after: "weir.advance", holding: "COMMIT" }).then(() => signal(weir, "SIGKILL"));
      return weir;
    }
    const nth = this.#random.integer(1, timesPassed(moment));
    const weir = this.#job.start({ ...options, failpoint: `${moment}:${nth}:kill` });
    if (isEnding(moment)) this.#endSoon(weir);
    return weir;
  }

  /** Tells a process to stop when it has been at work for a moment. */
  #endSoon(weir: WeirProcess): void {
    const moment = this.#random.integer(0, 2_000);
    const isAtWork = ({ pipelines: [orders] }: Status) =>
      orders?.partitions.some(({ worker }) => worker !== null) || undefined;
    weir.until("it has partitions", isAtWork)
      .then(() => new Promise((resolve) => setTimeout(resolve, moment)))
      // One that has ended meanwhile was killed already.
      .catch(() => {}).then(() => this.#tell(weir));
  }

  #tell(weir: WeirProcess): void {
    if (!this.#running.has(weir)) return;
    this.#told.add(weir);
    signal(weir, "SIGTERM");
  }
}

function signal(weir: WeirProcess, name: Deno.Signal): void {
  try {
    weir.signal(name);
  } catch (error) {
    // It has just ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}
