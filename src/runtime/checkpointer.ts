import { Fenced, SchemaMismatch } from "../errors.ts";
import { RefusedRows, type Transaction, type Warehouse } from "../warehouse/mod.ts";
import type { RefusedSource } from "./delivery.ts";
import type { Lane, Task } from "./lane.ts";
import { retry, serviceBackoff } from "./retry.ts";
import type { SinkMeter } from "./sink_meter.ts";
import { movesOf, TaskTransaction, type TaskTransactionOptions } from "./task_transaction.ts";

export interface CheckpointerOptions extends TaskTransactionOptions {
  readonly warehouse: Warehouse;
  readonly lanes: readonly Lane[];
  /** One per output of the pipeline, in order. */
  readonly meters: readonly SinkMeter[];
  /** Milliseconds that what is ready waits for what is on its way, at most. */
  readonly interval: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** These tasks are in the warehouse, all records of them, by `partition.checkpoint`. */
  readonly committed: (tasks: readonly Task[]) => void;
  /** A sink refused records for what they hold: they have to come by again as dead letters. */
  readonly refused: (task: Task, refused: readonly RefusedSource[]) => void;
  /** The warehouse holds another owner or position than these lanes believed: they have to start over. */
  readonly fenced: (lanes: readonly Lane[], reason: string) => void;
  /** Starts a lane over from the warehouse's positions. */
  readonly reset: (lane: Lane) => Promise<void>;
}

/** How the attempt at a transaction ended. */
type Outcome = "committed" | "untouched" | "fenced";

/**
 * Moves the pipeline's position. One transaction at a time takes every batch that is ready (group commit), in order
 * within each lane. When an attempt fails, its outcome is read from the warehouse before anything else is done:
 *
 *     commit --ok--------------------------------> committed
 *       | refused rows ----> their records become dead letters, the lanes start over
 *       | fenced ----------> the lanes start over
 *       | anything else ---> read the positions: all moved -> committed; none -> try again; else -> fenced
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #wake: () => void = () => {};
  #resetting = false;
  #resetFailure: { readonly error: unknown } | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Something may be ready. */
  notify(): void {
    this.#wake();
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { lanes, signal } = this.#options;
    signal.addEventListener("abort", () => this.notify());
    while (!signal.aborted) {
      if (this.#resetFailure) throw this.#resetFailure.error;
      this.#resetNext();
      if (!lanes.some((lane) => lane.ready().length > 0)) {
        await this.#change();
        continue;
      }
      await this.#others();
      const tasks = lanes.flatMap((lane) => lane.ready());
      if (tasks.length > 0) await this.#commit(tasks);
    }
  }

  /** Waits for what is on its way in the workers and tables too, so that one transaction takes all, but not for long. */
  async #others(): Promise<void> {
    const { lanes, interval, signal } = this.#options;
    const onTheWay = () => lanes.some(({ tasks }) => tasks.some(({ state }) => state !== "ready"));
    let over = interval === 0;
    // A timer, since the clock may be set back meanwhile.
    let timer: ReturnType<typeof setTimeout> | undefined;
    while (!over && onTheWay() && !signal.aborted) {
      timer ??= setTimeout(() => {
        over = true;
        this.notify();
      }, interval);
      await this.#change();
    }
    clearTimeout(timer);
  }

  /**
   * Starts one lane over, if one has to. The others go on meanwhile: loading what its operators keep may take long, and
   * a lane whose worker is still starting waits.
   */
  #resetNext(): void {
    const { lanes, reset } = this.#options;
    const lane = lanes.find(mayReset);
    if (!lane || this.#resetting) return;
    this.#resetting = true;
    reset(lane).catch((error) => this.#resetFailure = { error }).finally(() => {
      this.#resetting = false;
      this.notify();
    });
  }

  async #commit(tasks: readonly Task[]): Promise<void> {
    const { meters, now, fenced, signal } = this.#options;
    const moves = movesOf(tasks);
    if (!moves) return fenced(lanesOf(tasks), "a partition went away and came back");
    if (moves.length === 0) return this.#advance(tasks);
    const { outputs } = this.#options.tables;
    const write = {};
    const start = now();
    try {
      await this.#createAggregateTables(tasks, outputs, write);
      const misled = tasks.filter((task) => outputs.some((i) => !this.#hasTablesKey(task, i)));
      if (misled.length > 0) {
        return fenced(lanesOf(misled), "its first record's group key is not like the table's");
      }
      const taken = new TaskTransaction(this.#options, tasks, moves);
      const outcome = await this.#attempt(taken.transaction, outputs, write);
      if (outcome instanceof RefusedRows) {
        for (const [task, sources] of taken.refusedSources(outcome)) this.#options.refused(task, sources);
        return;
      }
      if (outcome === "fenced") return fenced(lanesOf(tasks), "another process has the partition");
      this.#measure(taken, start);
      this.#advance(tasks);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const i of outputs) meters[i]!.settled(write);
    }
  }

  #measure({ transaction, outputs }: TaskTransaction, start: number): void {
    const { tables, meters, now } = this.#options;
    outputs.forEach((output, i) => {
      if (!tables.isDirect(output)) return;
      meters[output]!.wrote(transaction.tables[i]!.chunks.reduce((sum, chunk) => sum + chunk.count, 0));
      meters[output]!.took(now() - start, now());
    });
  }

  async #attempt(
    transaction: Transaction,
    outputs: readonly number[],
    write: object,
  ): Promise<Outcome | RefusedRows> {
    const { warehouse, meters, signal } = this.#options;
    const failed = (error: unknown) => {
      for (const i of outputs) meters[i]!.failed(write, error);
    };
    return await retry<Outcome | RefusedRows>(async () => {
      try {
        await warehouse.commit(transaction);
        return "committed";
      } catch (error) {
        if (error instanceof RefusedRows) return error;
        if (error instanceof Fenced) return "fenced";
        failed(error);
        const settled = () => settle(warehouse, transaction);
        const outcome = await retry(settled, { backoff: serviceBackoff, signal, failed });
        if (outcome === "untouched") throw error;
        return outcome;
      }
    }, { backoff: serviceBackoff, signal, failed: () => {} });
  }

  async #createAggregateTables(
    tasks: readonly Task[],
    outputs: readonly number[],
    write: object,
  ): Promise<void> {
    const { tables, meters, signal } = this.#options;
    for (const i of outputs) {
      if (tables.of(i)) continue;
      const keyTypes = tasks.map((task) => task.output!.outputs[i]!)
        .find((rows) => rows.kind === "groups" && rows.keyTypes !== null);
      if (keyTypes?.kind !== "groups" || !keyTypes.keyTypes) continue;
      const types = keyTypes.keyTypes;
      await retry(() => tables.createAggregate(i, types), {
        backoff: serviceBackoff,
        signal,
        failed: (error) => meters[i]!.failed(write, error),
        mendable: (error) => !(error instanceof SchemaMismatch),
      });
    }
  }

  /** Whether a task's groups were made with the key types of the table. Workers learn them from their first record. */
  #hasTablesKey(task: Task, output: number): boolean {
    const rows = task.output!.outputs[output]!;
    if (rows.kind !== "groups" || rows.keyTypes === null) return true;
    return this.#options.tables.fits(output, rows.keyTypes);
  }

  #advance(tasks: readonly Task[]): void {
    for (const task of tasks) {
      task.slices.forEach((slice, i) => {
        const { writeTime, eventTime, watermark } = task.output!.slices[i]!;
        const { partition, replayed } = slice;
        if (replayed) return;
        partition.checkpoint = { ...partition.checkpoint, next: slice.next, writeTime, eventTime, watermark };
      });
    }
    this.#options.committed(tasks);
  }

  /** Waits until something may have changed. What it was is to be looked at anew. */
  async #change(): Promise<void> {
    if (this.#options.signal.aborted) return;
    await new Promise<void>((resolve) => this.#wake = resolve);
  }
}

function mayReset({ resetReason, slot }: Lane): boolean {
  return resetReason !== undefined && !slot.starting;
}

function lanesOf(tasks: readonly Task[]): Lane[] {
  return [...new Set(tasks.map((task) => task.lane))];
}

/** Reads from the warehouse whether a transaction whose outcome is not known was made. */
async function settle(warehouse: Warehouse, { source, moves }: Transaction): Promise<Outcome> {
  const held = new Map(
    (await warehouse.positions(source)).map((checkpoint) => [checkpoint.partition, checkpoint]),
  );
  const at = (position: "from" | "next") =>
    moves.every((move) => {
      const checkpoint = held.get(move.partition);
      return checkpoint?.epoch === move.epoch && checkpoint.next === move[position];
    });
  if (at("next")) return "committed";
  return at("from") ? "untouched" : "fenced";
}
