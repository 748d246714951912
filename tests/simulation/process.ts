import { type Pipeline, stagesOf } from "../../src/pipeline.ts";
import { PipelineRun } from "../../src/runtime/pipeline_run.ts";
import { WorkerPool } from "../../src/runtime/worker_pool.ts";
import type { PipelineStatus } from "../../src/status/snapshot.ts";
import type { Stores } from "./stores.ts";
import { simulatedPipeline } from "./simulated_pipeline.ts";
import type { Wire } from "./wire.ts";
import { WorkerInside } from "./worker_inside.ts";

export interface ProcessOptions {
  readonly wire: Wire;
  readonly stores: Stores;
  readonly workers: number;
  readonly maxBatchRecords: number;
  readonly memoryBytes: number;
  /** Default: {@linkcode simulatedPipeline}. */
  readonly pipeline?: Pipeline;
  /** The pipeline has stopped for good, which it never should. */
  readonly failed: (reason: string) => void;
}

const readyWithin = 60_000;

/** One process: the runtime as it is, over a wire to the stores and with its workers inside. */
export class SimulatedProcess {
  readonly wire: Wire;
  readonly #options: ProcessOptions;
  readonly #pool: WorkerPool;
  readonly #workers: WorkerInside[] = [];
  readonly #pipeline: Pipeline;
  /** One for each stage, once they have started. */
  #runs: readonly PipelineRun[] = [];
  #ended = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    const { wire, workers, pipeline = simulatedPipeline } = options;
    this.wire = wire;
    this.#pipeline = pipeline;
    this.#pool = new WorkerPool({
      size: workers,
      modules: stagesOf(pipeline).map(({ name }) => ({ pipeline: name, module: "memory:simulated" })),
      open: (_id, listener) => {
        const worker = new WorkerInside(wire, pipeline, listener);
        this.#workers.push(worker);
        return worker;
      },
      replaced: (slot, error) => {
        wire.trace(`${wire.name}: ${error.message}`);
        for (const run of this.#runs) run.workerReplaced(slot, error);
      },
      unhandled: (_id, error) => this.#died(error),
    });
    this.#start().catch((error) => this.#died(error));
    // As a readiness probe does.
    wire.time.after(readyWithin, () => {
      if (this.#runs.length === 0 && !this.#ended) this.#died("it took too long");
    });
  }

  /** Whether it has come to its end, by itself or by force. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What it says of its first stage, if it has come so far. */
  status(): PipelineStatus | undefined {
    return this.#runs[0]?.status();
  }

  /** Whether all workers have their pipelines open. */
  get ready(): boolean {
    return this.#pool.slots.every((slot) => !slot.starting);
  }

  /** Its workers that are alive. */
  workers(): WorkerInside[] {
    return this.#workers.filter((worker) => !worker.gone);
  }

  /** Ends it as a power failure would. */
  kill(): void {
    this.#ended = true;
    this.wire.cut();
  }

  /** Ends it as SIGTERM does. */
  async stop(): Promise<void> {
    const late = new AbortController();
    this.wire.time.after(3_000, () => late.abort());
    await Promise.all(this.#runs.map((run) => run.stop(late.signal)));
    this.#pool.stop();
    this.kill();
  }

  async #start(): Promise<void> {
    const { wire, stores, maxBatchRecords, memoryBytes, failed } = this.#options;
    await this.#pool.ready();
    const runs = stagesOf(this.#pipeline).map((plan) =>
      new PipelineRun({
        plan,
        services: {
          log: stores.log.connect(wire),
          tables: stores.tables.connect(wire),
          warehouse: stores.warehouse.connect(wire),
        },
        pool: this.#pool,
        limits: {
          maxBatchRecords,
          maxBatchBytes: 1_000_000,
          memoryBytes,
          commitInterval: 5,
          workerTimeout: 5_000,
        },
        now: () => wire.time.now,
        say: (line) => wire.trace(`${wire.name} says ${line}`),
        failed: (reason) => failed(`${wire.name}: ${reason}`),
      })
    );
    for (const run of runs) await run.prepare();
    for (const run of runs) await run.start();
    this.#runs = runs;
  }

  /** A process that cannot start ends, and is started anew. */
  #died(error: unknown): void {
    this.wire.trace(`${this.wire.name} did not start: ${error}`);
    this.kill();
  }
}
