import { ConfigError, describeError } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { Pipeline, Schedule } from "../pipeline.ts";
import type { ProducerRun } from "../producers/mod.ts";
import type { ScheduleStatus } from "../status/snapshot.ts";
import { shown } from "../shown.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import { denoCron } from "./cron.ts";
import { runProducer } from "./run.ts";
import { sleep, unlessAborted } from "./wait.ts";

/** Calls the handler at every time that the cron text stands for, until the signal aborts: `Deno.cron`'s shape. */
export type Cron = (
  name: string,
  cron: string,
  options: { readonly signal: AbortSignal },
  handler: () => void,
) => Promise<void>;

/** What a schedule needs. */
export interface ScheduleOptions {
  readonly pipeline: Pipeline;
  readonly log: Pick<Log, "produce">;
  readonly warehouse: Pick<Warehouse, "takeRun">;
  /** A setting from the environment, for producers. */
  readonly env: (name: string) => string | undefined;
  /** Given one line for people for every run that fails or is skipped. */
  readonly report: (line: string) => void;
  /** Stops it, as `stop` does. */
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Default: a timer. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Default: `Deno.cron`. */
  readonly cron?: Cron;
}

/** A schedule that has been started. */
export interface RunningSchedule {
  status(): ScheduleStatus;
  /** Stops: aborts the run under way, and resolves once it has ended. */
  stop(): Promise<void>;
}

/**
 * Runs a pipeline's producer at start (unless `atStart` is false) and then as its cron text says.
 *
 * Of several processes with the same pipeline one takes each tick's run. Runs of a process never overlap: a tick
 * that comes while one is under way is skipped. A run that fails is shown and counted; the next tick is its retry.
 *
 * @throws {ConfigError} when the cron text is not right.
 * @throws {TypeError} when the pipeline has no schedule.
 */
export function startSchedule(options: ScheduleOptions): RunningSchedule {
  return new Scheduler(options);
}

/**
 * What is wrong with a pipeline's schedule, in words; undefined when nothing is, or when it has none.
 */
export function scheduleProblem(pipeline: Pipeline): string | undefined {
  if (!pipeline.schedule) return undefined;
  const { cron, produce } = pipeline.schedule;
  try {
    denoCron(cron);
  } catch (error) {
    return cronProblem(pipeline.name, cron, error);
  }
  if (typeof produce === "function") return undefined;
  return `pipeline "${pipeline.name}": "produce" of its schedule is ${
    shown(produce)
  }; give a producer, as in ` +
    "async function* (run) { ... }";
}

function cronProblem(name: string, cron: string, error: unknown): string {
  return `pipeline "${name}": cron ${shown(cron)} cannot be right: ${describeError(error)}; ` +
    `give minute, hour, day of the month, month and day of the week, as in "*/5 * * * *"`;
}

type Run = {
  -readonly [K in keyof NonNullable<ScheduleStatus["lastRun"]>]: NonNullable<ScheduleStatus["lastRun"]>[K];
};

class Scheduler implements RunningSchedule {
  readonly #options: ScheduleOptions;
  readonly #schedule: Schedule<unknown>;
  readonly #now: () => number;
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;
  readonly #ticking: Promise<void>;
  #underWay: Promise<void> | undefined;
  #runs = 0;
  #failures = 0;
  #skipped = 0;
  #lastSuccessAt: string | undefined;
  #lastRun: Run | null = null;

  constructor(options: ScheduleOptions) {
    const { pipeline, signal } = options;
    if (!pipeline.schedule) throw new TypeError(`pipeline "${pipeline.name}" has no schedule to start`);
    this.#options = options;
    this.#schedule = pipeline.schedule;
    this.#now = options.now ?? Date.now;
    this.#signal = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal;
    this.#ticking = this.#register(options.cron ?? denoCronFunction);
    if (this.#schedule.atStart !== false) this.#begin(new Date(this.#now()));
  }

  status(): ScheduleStatus {
    return {
      pipeline: this.#options.pipeline.name,
      cron: this.#schedule.cron,
      state: this.#lastRun?.finishedAt === null ? "running" : "waiting",
      runs: this.#runs,
      failures: this.#failures,
      skipped: this.#skipped,
      ...(this.#lastSuccessAt !== undefined && { lastSuccessAt: this.#lastSuccessAt }),
      lastRun: this.#lastRun && { ...this.#lastRun },
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the process stops"));
    await Promise.all([this.#ticking, this.#underWay]);
  }

  #register(cron: Cron): Promise<void> {
    const { name } = this.#options.pipeline;
    // With a signal that has aborted already, Deno.cron's promise would never settle.
    if (this.#signal.aborted) return Promise.resolve();
    try {
      return cron(name, denoCron(this.#schedule.cron), { signal: this.#signal }, () => this.#tick());
    } catch (error) {
      throw new ConfigError([cronProblem(name, this.#schedule.cron, error)]);
    }
  }

  /** A tick comes at its minute; a clock that was set back a little meanwhile must not make it the minute before's. */
  #tick(): void {
    this.#begin(new Date(Math.floor((this.#now() + 1_000) / 60_000) * 60_000));
  }

  #begin(scheduledAt: Date): void {
    if (this.#signal.aborted) return;
    if (this.#underWay) {
      this.#skipped++;
      this.#report(
        `skipped the run of ${scheduledAt.toISOString()}, since the one before is still under way`,
      );
      return;
    }
    this.#underWay = this.#run(scheduledAt).finally(() => this.#underWay = undefined);
  }

  /** Never rejects. */
  async #run(scheduledAt: Date): Promise<void> {
    const { pipeline, log, warehouse, env } = this.#options;
    const run: Run = {
      scheduledAt: scheduledAt.toISOString(),
      startedAt: this.#time(),
      finishedAt: null,
      records: 0,
    };
    try {
      const taken = await unlessAborted(warehouse.takeRun(pipeline.name, scheduledAt), this.#signal);
      if (!taken) return;
      this.#show(run);
      await runProducer({
        source: pipeline.source,
        schedule: this.#schedule,
        log,
        run: this.#producerRun(scheduledAt, env),
        now: this.#now,
        wrote: (records) => run.records += records,
      });
      this.#lastSuccessAt = this.#time();
    } catch (error) {
      this.#show(run);
      run.error = describeError(error);
      if (this.#signal.aborted) return;
      this.#failures++;
      this.#report(`the run of ${run.scheduledAt} failed after ${run.records} records: ${run.error}`);
    } finally {
      run.finishedAt = this.#time();
    }
  }

  /** From now on it is the last run, and counted. */
  #show(run: Run): void {
    if (this.#lastRun === run) return;
    this.#lastRun = run;
    this.#runs++;
  }

  #producerRun(scheduledAt: Date, env: ProducerRun["env"]): ProducerRun {
    const signal = this.#signal;
    const wait = this.#options.sleep ?? sleep;
    return {
      scheduledAt,
      signal,
      fetch: this.#options.fetch ?? fetch,
      env,
      sleep: (milliseconds) => wait(milliseconds, signal),
    };
  }

  #report(line: string): void {
    this.#options.report(`${this.#options.pipeline.name}: ${line}`);
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}

const denoCronFunction: Cron = (name, cron, options, handler) => Deno.cron(name, cron, options, handler);
