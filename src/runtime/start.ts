import process from "node:process";
import type { Config } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { type RunningSchedule, scheduleProblem, startSchedule } from "../schedule/schedule.ts";
import type { ProcessUse } from "../status/metrics.ts";
import { serveStatus, type StatusServer } from "../status/server.ts";
import type { Status } from "../status/snapshot.ts";
import { version } from "../version.ts";
import type { LoadedPipeline } from "./load_pipeline.ts";
import { type Pipeline, stagesOf } from "../pipeline.ts";
import { PipelineRun } from "./pipeline_run.ts";
import { ServiceMonitor } from "./service_monitor.ts";
import { type OpenServices, openServices } from "./services.ts";
import { workerThreads } from "./worker_link.ts";
import { WorkerPool } from "./worker_pool.ts";

export interface StartOptions {
  readonly config: Config;
  readonly pipelines: readonly LoadedPipeline[];
  /** A setting from the environment, for producers. */
  readonly env: (name: string) => string | undefined;
  /** Says something to the operator. */
  readonly say: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A running process. */
export interface Weir {
  readonly url: string;
  status(): Status;
  /** Resolves when every pipeline has failed for good, with why. */
  readonly failed: Promise<string>;
  /** Drains and closes everything; what is not done at the deadline (ms) will be read again by the next process. */
  stop(deadline: number): Promise<void>;
}

/**
 * Starts pipelines: connects, makes what is absent, joins the groups, and starts the schedules.
 *
 * @throws {ConfigError} for what is wrong with the pipelines.
 * @throws {ServiceError} for a service that cannot be used, or a port in use.
 * @throws {SchemaMismatch} for a table that does not fit.
 */
export async function startWeir(options: StartOptions): Promise<Weir> {
  const problems = options.pipelines.map(({ plan }) => scheduleProblem(plan)).filter((each) =>
    each !== undefined
  );
  if (problems.length > 0) throw new ConfigError(problems);
  const weir = new Running(options);
  try {
    await weir.start();
  } catch (error) {
    await weir.stop(0);
    throw error;
  }
  return weir;
}

class Running implements Weir {
  readonly #options: StartOptions;
  readonly #startedAt: string;
  readonly #stopping = new AbortController();
  readonly #busy = new Map<number, { at: number; busy: number; share: number }>();
  #server: StatusServer | undefined;
  #services: OpenServices | undefined;
  #monitor: ServiceMonitor | undefined;
  #pool: WorkerPool | undefined;
  #runs: PipelineRun[] = [];
  #schedules: RunningSchedule[] = [];
  #fail: (reason: string) => void = () => {};
  readonly failed = new Promise<string>((resolve) => this.#fail = resolve);

  constructor(options: StartOptions) {
    this.#options = options;
    this.#startedAt = new Date(options.now()).toISOString();
  }

  get url(): string {
    return this.#server!.url;
  }

  async start(): Promise<void> {
    const { config, pipelines, say, now, env } = this.#options;
    this.#server = await serveStatus({
      host: config.statusHost,
      port: config.statusPort,
      status: () => this.status(),
      process: processUse,
      report: say,
    });
    const pool = this.#pool = new WorkerPool({
      size: config.workers,
      modules: pipelines.flatMap(({ plan, module }) =>
        stagesOf(plan).map(({ name }) => ({ pipeline: name, module }))
      ),
      open: workerThreads(readFolders(pipelines)),
      replaced: (slot, error) => {
        say(`${error.message}; it was replaced`);
        for (const run of this.#runs) run.workerReplaced(slot, error);
      },
      unhandled: (id, error) =>
        say(
          `worker ${id}: a promise of a pipeline's function was rejected, and nothing waits for it: ${error}`,
        ),
    });
    const ready = pool.ready();
    // It is awaited after the services, which may take longer to fail than a module to load.
    ready.catch(() => {});
    const services = this.#services = await openServices(config, env);
    await ready;
    this.#monitor = new ServiceMonitor(services);
    const runs = pipelines.flatMap(({ plan }) => this.#runsOf(plan, services, pool));
    for (const run of runs) await run.prepare();
    await this.#monitor.check();
    this.#monitor.run(this.#stopping.signal);
    this.#runs = runs;
    await Promise.all(runs.map((run) => run.start()));
    this.#schedules = pipelines.filter(({ plan }) => plan.schedule).map(({ plan: pipeline }) =>
      startSchedule({ pipeline, log: services.log, warehouse: services.warehouse, env, report: say, now })
    );
  }

  /** A pipeline's stages at work: the one that reads its source first. When one fails, so do the others. */
  #runsOf(pipeline: Pipeline, services: OpenServices, pool: WorkerPool): PipelineRun[] {
    const { config, say, now } = this.#options;
    const runs: PipelineRun[] = stagesOf(pipeline).map((plan) =>
      new PipelineRun({
        plan,
        services,
        pool,
        limits: config,
        now,
        say,
        failed: (reason) => {
          for (const run of runs) run.fail(`${plan.name} has failed: ${reason}`);
          if (this.#runs.every((run) => run.failure !== undefined)) this.#fail(reason);
        },
      })
    );
    return runs;
  }

  status(): Status {
    const runs = this.#runs;
    return {
      schema: 1,
      version,
      startedAt: this.#startedAt,
      pipelines: runs.map((run) => run.status()),
      services: this.#monitor?.status() ?? [],
      workers: this.#pool?.status(
        (slot) => runs.reduce((sum, run) => sum + run.partitionsOf(slot), 0),
        (slot) => this.#busyShare(slot.id, slot.busy),
      ) ?? [],
      schedules: this.#schedules.map((schedule) => schedule.status()),
    };
  }

  async stop(deadline: number): Promise<void> {
    const late = AbortSignal.timeout(deadline);
    await Promise.all(this.#schedules.map((schedule) => schedule.stop()));
    await Promise.all(this.#runs.map((run) => run.stop(late)));
    this.#stopping.abort();
    this.#pool?.stop();
    await this.#services?.close();
    await this.#server?.close();
  }

  /** The share of the last seconds that a worker was busy, taken anew at most every two seconds. */
  #busyShare(id: number, busy: number): number {
    const at = this.#options.now();
    const last = this.#busy.get(id);
    if (last && at - last.at < 2_000) return last.share;
    const share = last ? Math.min(1, (busy - last.busy) / (at - last.at)) : 0;
    this.#busy.set(id, { at, busy, share });
    return share;
  }
}

function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  return { residentBytes: Deno.memoryUsage().rss, cpuSeconds: (user + system) / 1e6 };
}

/** Workers may read the folders of the pipelines' modules, and Weir's own code, which the modules import. */
function readFolders(pipelines: readonly LoadedPipeline[]): string[] {
  const own = ["../../src/", "../../workers/"].map((path) => new URL(path, import.meta.url));
  const folders = pipelines.map(({ module }) => new URL(".", module));
  return [...new Set([...own, ...folders].map((url) => decodeURIComponent(url.pathname)))];
}
