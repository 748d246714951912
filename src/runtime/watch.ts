import { describeError, OffsetOutOfRange } from "../errors.ts";
import type { Assignment } from "./assignment.ts";
import type { Flow } from "./flow.ts";
import { pause } from "./retry.ts";
import type { RunStatus } from "./run_status.ts";
import type { WorkerPool } from "./worker_pool.ts";

const watchInterval = 1_000;
/** Milliseconds after which cursors that did not move are set again: Kafka forgets them in days. */
const cursorRefresh = 3_600_000;

export interface WatchOptions {
  readonly assignment: Assignment;
  readonly flow: Flow;
  readonly status: RunStatus;
  readonly pool: WorkerPool;
  /** Milliseconds after which a worker that does not answer is replaced. */
  readonly workerTimeout: number;
  readonly now: () => number;
  /** The pipeline cannot go on. */
  readonly failed: (reason: string) => void;
}

/**
 * Sees now and then what nobody tells: positions that were set by others, a topic that no longer has what is to be
 * read, and workers that do not come back.
 */
export class Watch {
  readonly #options: WatchOptions;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts or the pipeline drains. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watchWorkers(signal), this.#watchServices(signal)]);
  }

  /** By itself, since a server that is asked may take a minute to answer. */
  async #watchWorkers(signal: AbortSignal): Promise<void> {
    const { status, pool, workerTimeout } = this.#options;
    while (!signal.aborted && !status.isDraining) {
      pool.replaceSilent(workerTimeout);
      await pause(watchInterval, signal);
    }
  }

  async #watchServices(signal: AbortSignal): Promise<void> {
    const { assignment, flow, status, now, failed } = this.#options;
    while (!signal.aborted) {
      await pause(watchInterval, signal);
      if (signal.aborted || status.isDraining) return;
      try {
        for (const lane of await assignment.outdated()) flow.startOver(lane, "its positions were set anew");
        await assignment.checkRanges();
        const old = now() - cursorRefresh;
        for (const { publisher } of assignment.owned()) publisher?.refresh(old);
        status.watchError = undefined;
      } catch (error) {
        if (error instanceof OffsetOutOfRange) failed(error.message);
        else status.watchError = describeError(error);
      }
    }
  }
}
