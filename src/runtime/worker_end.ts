import { describeError } from "../errors.ts";
import { type Pipeline, stageNamed } from "../pipeline.ts";
import { PlanExecutor } from "./execute.ts";
import { type FromWorker, type ToWorker, transferables } from "./protocol.ts";

export interface WorkerEndOptions {
  /** Imports a pipeline's module. */
  readonly load: (module: string) => Promise<Pipeline>;
  readonly answer: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly clock?: () => number;
}

/** How many different errors of rejected promises a worker tells. */
const mostTold = 20;

/** The worker's end of the protocol: keeps a plan executor for each stage, and answers one message at a time. */
export class WorkerEnd {
  readonly #options: WorkerEndOptions;
  readonly #executors = new Map<string, PlanExecutor>();
  #last = Promise.resolve();
  /** Errors of rejected promises that were told: it may be one for each record. */
  readonly #told = new Set<string>();

  constructor(options: WorkerEndOptions) {
    this.#options = options;
  }

  /** Takes a message. What follows an `open` waits until the module is there. */
  receive(message: ToWorker): void {
    this.#last = this.#last.then(() => this.#handle(message));
  }

  /** Tells that a promise was rejected, and nobody took the error. The same is told once. */
  unhandled(reason: unknown): void {
    const error = describeError(reason);
    if (this.#told.has(error) || this.#told.size === mostTold) return;
    this.#told.add(error);
    this.#options.answer({ kind: "unhandled", error }, []);
  }

  async #handle(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case "open":
        await this.#open(message.pipeline, message.module);
        return;
      case "assign":
        this.#executorOf(message.pipeline).assign(message.checkpoint, message.starts);
        return;
      case "wake":
        this.#executorOf(message.pipeline).wake(message.partition, message.watermark);
        return;
      case "refer":
        this.#executorOf(message.pipeline).refer(message.table, message.rows);
        return;
      case "load": {
        const { answer } = this.#options;
        const { request, pipeline, partition, page } = message;
        try {
          this.#executorOf(pipeline).load(partition, page);
          answer({ kind: "loaded", request }, []);
        } catch (error) {
          answer({ kind: "failed", request, error: describeError(error) }, []);
        }
        return;
      }
      case "process": {
        const { answer } = this.#options;
        const { request, task } = message;
        try {
          const output = this.#executorOf(task.pipeline).process(task);
          answer({ kind: "done", request, output }, transferables(output));
        } catch (error) {
          answer({ kind: "failed", request, error: describeError(error) }, []);
        }
      }
    }
  }

  async #open(pipeline: string, module: string): Promise<void> {
    const { load, answer, clock } = this.#options;
    try {
      const plan = stageNamed(await load(module), pipeline);
      this.#executors.set(pipeline, new PlanExecutor(plan, undefined, clock));
      answer({ kind: "opened", pipeline }, []);
    } catch (error) {
      answer({ kind: "open-failed", pipeline, error: describeError(error) }, []);
    }
  }

  #executorOf(pipeline: string): PlanExecutor {
    const executor = this.#executors.get(pipeline);
    if (!executor) throw new Error(`pipeline "${pipeline}" is not open in this worker`);
    return executor;
  }
}
