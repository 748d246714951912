import { describeError } from "../errors.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Assignment } from "./assignment.ts";
import type { Checkpointer } from "./checkpointer.ts";
import { deliver, type DeliveryOptions, type RefusedSource } from "./delivery.ts";
import type { EventTime } from "./event_time.ts";
import { Gathering } from "./gathering.ts";
import type { Intake } from "./intake.ts";
import { type Lane, originOf, type Task } from "./lane.ts";
import type { OutputTables } from "./output_tables.ts";
import type { SliceInput } from "./protocol.ts";
import { publish } from "./publishing.ts";
import type { References } from "./references.ts";
import type { Relays } from "./relays.ts";
import { pause, pauseAfter, serviceBackoff } from "./retry.ts";
import type { RunStats } from "./run_stats.ts";
import type { RunStatus } from "./run_status.ts";

export interface FlowOptions {
  readonly plan: Pipeline;
  readonly lanes: readonly Lane[];
  readonly delivery: DeliveryOptions;
  readonly tables: OutputTables;
  readonly assignment: Assignment;
  readonly intake: Intake;
  readonly checkpointer: Checkpointer;
  readonly references: References;
  readonly eventTime: EventTime;
  readonly relays: Relays;
  readonly stats: RunStats;
  readonly status: RunStatus;
  /** Milliseconds that few records wait for more, at most. */
  readonly interval: number;
  /** Aborts when what is on the way is given up. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/**
 * Moves a pipeline's tasks: takes them from the lanes, through the workers and the sinks, to the checkpointer, and hands
 * on what was committed. A lane of which something fails starts over from the warehouse's positions.
 */
export class Flow {
  readonly #options: FlowOptions;
  readonly #gathering: Gathering;

  constructor(options: FlowOptions) {
    this.#options = options;
    const { lanes, interval, now } = options;
    this.#gathering = new Gathering(interval, now, () => lanes.forEach((lane) => this.#take(lane)));
  }

  /** Takes what waits in a lane, unless more is worth waiting for. */
  pump(lane: Lane): void {
    if (this.#gathering.over(lane.waiting)) this.#take(lane);
  }

  /** Tasks are in the warehouse. */
  committed(tasks: readonly Task[]): void {
    const { plan, intake, eventTime, relays, stats, now } = this.#options;
    const time = now();
    for (const task of tasks) {
      task.lane.failures = 0;
      stats.committed(task, time);
      publish(task, plan);
      const { tasks: underWay } = task.lane;
      underWay.splice(underWay.indexOf(task), 1);
      for (const slice of task.slices) slice.partition.passed(slice);
    }
    intake.release(tasks);
    eventTime.moved();
    relays.notify();
    for (const lane of new Set(tasks.map((task) => task.lane))) this.pump(lane);
  }

  /** Records that a sink will not take: they come by again, as dead letters, when the lane has started over. */
  refused(task: Task, refused: readonly RefusedSource[]): void {
    for (const { source, stage, reason } of refused) {
      const { partition, offset } = originOf(task, source);
      partition.refused.set(offset, { offset, stage, reason });
    }
    this.startOver(task.lane, refused[0]!.reason);
  }

  /** Has a lane start over when its turn comes. */
  startOver(lane: Lane, reason: string): void {
    lane.resets++;
    lane.resetReason ??= reason;
    this.#options.checkpointer.notify();
  }

  /** Starts a lane over: its turn has come. */
  async reset(lane: Lane): Promise<void> {
    const { resets } = lane;
    try {
      await this.#options.assignment.restore(lane);
      // Told to start over once more meanwhile, as when its worker has died again, it stays so for the next turn.
      if (lane.resets !== resets) return;
      lane.resetReason = undefined;
      this.pump(lane);
    } catch (error) {
      if (!this.#options.signal.aborted) throw error;
    }
  }

  /** Gives up whatever is on the way. */
  abandon(): void {
    this.#gathering.stop();
    for (const lane of this.#options.lanes) lane.abandon();
  }

  #take(lane: Lane): void {
    const { status } = this.#options;
    if (status.isDraining || status.failure !== undefined) return;
    for (let next = lane.take(); next; next = lane.take()) this.#run(next.task, next.inputs);
  }

  async #run(task: Task, inputs: readonly SliceInput[]): Promise<void> {
    const { lane } = task;
    const { plan, delivery, tables, intake, checkpointer, references, stats, signal, now } = this.#options;
    try {
      references.bring(plan.name, lane.slot.worker);
      task.output = await lane.slot.worker.process({
        pipeline: plan.name,
        slices: inputs,
        keyTypes: tables.keyTypes,
      });
    } catch (error) {
      // What fails in a worker other than for a record is a bug or the worker's end: it may well fail again.
      await pause(pauseAfter(++lane.failures, serviceBackoff), signal);
      if (!signal.aborted && !isAbandoned(task)) this.startOver(lane, describeError(error));
      return;
    }
    lane.slot.busy += task.output.busy;
    stats.took("process", now() - task.startedAt, now());
    if (isAbandoned(task)) return;
    task.state = "delivering";
    intake.processed(task);
    this.pump(lane);
    const start = now();
    try {
      const refused = await deliver(task, delivery);
      stats.took("deliver", now() - start, now());
      if (isAbandoned(task)) return;
      if (refused.length > 0) return this.refused(task, refused);
      task.state = "ready";
      checkpointer.notify();
    } catch (error) {
      if (!signal.aborted && !isAbandoned(task)) this.startOver(lane, describeError(error));
    }
  }
}

/** A task can be given up at any await; asked by a function, since the compiler takes the state for settled. */
function isAbandoned(task: Task): boolean {
  return task.state === "abandoned";
}
