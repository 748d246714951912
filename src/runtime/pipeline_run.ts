import { describeError, OffsetOutOfRange } from "../errors.ts";
import type { ConsumerListener, LogConsumer } from "../log/mod.ts";
import type { Batch, Offset } from "../record.ts";
import type { PipelineStatus } from "../status/snapshot.ts";
import type { SourceName } from "../warehouse/mod.ts";
import { Assignment } from "./assignment.ts";
import { Checkpointer } from "./checkpointer.ts";
import { deliver, type DeliveryOptions, type RefusedSource } from "./delivery.ts";
import { EventTime } from "./event_time.ts";
import { Gathering } from "./gathering.ts";
import { GroupPosition } from "./group_position.ts";
import { Intake } from "./intake.ts";
import { Lane, originOf, type Task } from "./lane.ts";
import { OutputTables } from "./output_tables.ts";
import type { SliceInput } from "./protocol.ts";
import type { PublishingOptions } from "./partition_publisher.ts";
import { openPublishers, publish } from "./publishing.ts";
import { References } from "./references.ts";
import { Relays } from "./relays.ts";
import { pause, pauseAfter, serviceBackoff } from "./retry.ts";
import type { PipelineRunOptions } from "./run_options.ts";
import { RunStats } from "./run_stats.ts";
import { RunStatus } from "./run_status.ts";
import { SinkMeter } from "./sink_meter.ts";
import { prepareStores } from "./stores.ts";
import type { WorkerSlot } from "./worker_pool.ts";

const watchInterval = 1_000;
/** Milliseconds after which cursors that did not move are set again: Kafka forgets them in days. */
const cursorRefresh = 3_600_000;

/**
 * One pipeline at work: owns its partitions, and moves batches from the log through the workers and the sinks to the
 * checkpoint. Everything that goes wrong on the way ends in one of three: it is tried again, the lane starts over from
 * the warehouse's positions, or the pipeline fails with an error that says what to do.
 */
export class PipelineRun {
  readonly #options: PipelineRunOptions;
  readonly #source: SourceName;
  readonly #lanes: Lane[];
  readonly #consumer: LogConsumer;
  readonly #assignment: Assignment;
  readonly #intake: Intake;
  readonly #delivery: DeliveryOptions;
  readonly #tables: OutputTables;
  readonly #publishing: PublishingOptions;
  readonly #checkpointer: Checkpointer;
  readonly #group: GroupPosition;
  readonly #references: References;
  readonly #eventTime: EventTime;
  readonly #relays: Relays;
  readonly #stats = new RunStats();
  readonly #status: RunStatus;
  readonly #meters: SinkMeter[];
  readonly #deadLetterMeter: SinkMeter;
  readonly #stopping = new AbortController();
  readonly #gathering: Gathering;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: PipelineRunOptions) {
    this.#options = options;
    const { plan, services, pool, limits, now } = options;
    const { signal } = this.#stopping;
    this.#source = { group: plan.source.group, topic: plan.source.topic };
    const batch = { records: limits.maxBatchRecords, bytes: limits.maxBatchBytes };
    this.#lanes = pool.slots.map((slot) => new Lane(slot, plan.name, batch, now));
    this.#gathering = new Gathering(
      limits.commitInterval,
      now,
      () => this.#lanes.forEach((lane) => this.#take(lane)),
    );
    this.#meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    this.#deadLetterMeter = new SinkMeter(plan.deadLetter, "dead-letter");
    this.#consumer = services.log.consumer(this.#source.topic, this.#source.group);
    this.#delivery = {
      plan,
      tables: services.tables,
      log: services.log,
      meters: this.#meters,
      deadLetterMeter: this.#deadLetterMeter,
      now,
    };
    this.#tables = new OutputTables(plan, services.warehouse);
    this.#publishing = {
      plan,
      source: this.#source,
      log: services.log,
      meters: this.#meters,
      signal,
      now,
      published: () => this.#intake.resume(),
      refused: (partition, refusal) => {
        const lane = this.#assignment.laneOf(partition);
        lane?.partitions.get(partition)?.refused.set(refusal.offset, refusal);
        if (lane) this.#startOver(lane, refusal.reason);
      },
      fenced: (partition, reason) => {
        const lane = this.#assignment.laneOf(partition);
        if (lane) this.#startOver(lane, reason);
      },
    };
    this.#checkpointer = new Checkpointer({
      plan,
      source: this.#source,
      warehouse: services.warehouse,
      tables: this.#tables,
      lanes: this.#lanes,
      meters: this.#meters,
      interval: limits.commitInterval,
      signal,
      now,
      committed: (tasks) => this.#committed(tasks),
      refused: (task, refused) => this.#refused(task, refused),
      fenced: (lanes, reason) => lanes.forEach((lane) => this.#startOver(lane, reason)),
      reset: (lane) => this.#reset(lane),
    });
    this.#assignment = new Assignment({
      plan,
      source: this.#source,
      lanes: this.#lanes,
      warehouse: services.warehouse,
      consumer: this.#consumer,
      offsets: () => this.#group.poll(),
      offsetsAt: (timestamp) => services.log.offsetsAt(this.#source.topic, timestamp),
      now,
      publishers: (checkpoints) => openPublishers(this.#publishing, checkpoints),
      signal,
      failed: (error) => this.#status.failedAt(error),
    });
    this.#intake = new Intake(this.#consumer, this.#assignment, limits.memoryBytes);
    this.#references = new References({ plan, services, now });
    this.#group = new GroupPosition({
      log: services.log,
      consumer: this.#consumer,
      source: this.#source,
      owned: () => this.#assignment.owned(),
      workerOf: ({ partition }) => this.#assignment.laneOf(partition)!.slot.id,
      now,
    });
    this.#eventTime = new EventTime({
      plan,
      source: this.#source,
      warehouse: services.warehouse,
      lanes: this.#lanes,
      tables: this.#tables,
      meters: this.#meters,
      offsets: () => this.#group.offsets,
      now,
      woken: (lane) => this.#pump(lane),
      closed: () => this.#relays.notify(),
    });
    this.#relays = new Relays({ plan, services, tables: this.#tables, meters: this.#meters, now });
    this.#status = new RunStatus({
      plan,
      meters: this.#meters,
      deadLetterMeter: this.#deadLetterMeter,
      lanes: this.#lanes,
      assignment: this.#assignment,
      group: this.#group,
      eventTime: this.#eventTime,
      references: this.#references,
      stats: this.#stats,
      now,
    });
  }

  get name(): string {
    return this.#options.plan.name;
  }

  /** Why it stopped for good, if it did. */
  get failure(): string | undefined {
    return this.#status.failure;
  }

  /** Makes topics and tables where they are absent, checks those that are there, and reads those to join with. */
  async prepare(): Promise<void> {
    await prepareStores(this.#options.plan, this.#options.services);
    await this.#tables.create();
    await this.#references.load();
  }

  /** Joins the group; records flow from then on. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    const listener: ConsumerListener = {
      assigned: (partitions) => this.#assign(partitions),
      fetched: (batch) => this.#fetched(batch),
      failed: (error) => this.#status.failedAt(error),
    };
    await this.#consumer.start(listener);
    const checkpoints = this.#checkpointer.run().catch((error) => this.#fail(describeError(error)));
    const refreshes = this.#references.run(signal);
    this.#loops = Promise.all([
      checkpoints,
      this.#group.run(signal),
      this.#watch(signal),
      this.#eventTime.run(signal),
      refreshes,
      this.#relays.run(signal),
    ]);
  }

  /** Takes no more, brings batches on the way into the warehouse and the topics, tells the group, and leaves it. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#status.isDraining = true;
    this.#intake.close();
    const isDone = () =>
      this.#lanes.every((lane) => lane.tasks.length === 0) &&
      [...this.#assignment.owned()].every(({ publisher }) => publisher?.isIdle ?? true);
    while (!deadline.aborted && !this.#status.failure && !isDone()) await pause(5, deadline);
    this.#end();
    await this.#loops;
    await Promise.all([...this.#assignment.owned()].map(({ publisher }) => publisher?.close()));
    // The position is safe in the warehouse: a log that is down now only shows the lag too large.
    await this.#group.commit().catch((error) => this.#options.say(`${this.name}: ${describeError(error)}`));
    await this.#consumer.stop();
  }

  /** Stops it for good, unless it has already. */
  fail(reason: string): void {
    this.#fail(reason);
  }

  /** The worker of a slot died and was replaced: its batches are taken anew. */
  workerReplaced(slot: WorkerSlot, error: Error): void {
    for (const lane of this.#lanes.filter((each) => each.slot === slot)) this.#startOver(lane, error.message);
    const { ready } = slot;
    ready.then(() => this.#checkpointer.notify(), (cause) => {
      // A worker that died while it was starting has a successor; one that cannot load its module would have none better.
      if (slot.ready === ready && !this.#status.isDraining) this.#fail(describeError(cause));
    });
  }

  partitionsOf(slot: WorkerSlot): number {
    return this.#lanes.find((lane) => lane.slot === slot)?.partitions.size ?? 0;
  }

  status(): PipelineStatus {
    return this.#status.take();
  }

  async #assign(partitions: readonly number[]): Promise<ReadonlyMap<number, Offset>> {
    try {
      const positions = await this.#assignment.take(partitions);
      this.#intake.assigned();
      this.#group.forget();
      this.#status.isAssigned = true;
      this.#status.recovered();
      return positions;
    } catch (error) {
      if (error instanceof OffsetOutOfRange) this.#fail(error.message);
      throw error;
    }
  }

  #fetched(batch: Batch): void {
    this.#status.recovered();
    const lane = this.#intake.accept(batch, ({ partition, expected }) => {
      this.#consumer.seek(partition, expected);
    });
    if (!lane) return;
    this.#eventTime.arrived(lane.partitions.get(batch.partition)!);
    this.#pump(lane);
  }

  /**
   * Sees now and then what nobody tells: positions that were set by others, a topic that no longer has what is to be
   * read, and workers that do not come back.
   */
  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(watchInterval, signal);
      if (signal.aborted || this.#status.isDraining) return;
      this.#options.pool.replaceSilent(this.#options.limits.workerTimeout);
      try {
        for (const lane of await this.#assignment.outdated()) {
          this.#startOver(lane, "its positions were set anew");
        }
        await this.#assignment.checkRanges();
        const old = this.#options.now() - cursorRefresh;
        for (const { publisher } of this.#assignment.owned()) publisher?.refresh(old);
        this.#status.watchError = undefined;
      } catch (error) {
        if (error instanceof OffsetOutOfRange) this.#fail(error.message);
        else this.#status.watchError = describeError(error);
      }
    }
  }

  #pump(lane: Lane): void {
    if (this.#gathering.over(lane.waiting)) this.#take(lane);
  }

  #take(lane: Lane): void {
    if (this.#status.isDraining || this.#status.failure !== undefined) return;
    for (let next = lane.take(); next; next = lane.take()) this.#run(next.task, next.inputs);
  }

  async #run(task: Task, inputs: readonly SliceInput[]): Promise<void> {
    const { lane } = task;
    const { now } = this.#options;
    const { signal } = this.#stopping;
    try {
      this.#references.bring(this.name, lane.slot.worker);
      task.output = await lane.slot.worker.process({
        pipeline: this.name,
        slices: inputs,
        keyTypes: this.#tables.keyTypes,
      });
    } catch (error) {
      // What fails in a worker other than for a record is a bug or the worker's end: it may well fail again.
      await pause(pauseAfter(++lane.failures, serviceBackoff), signal);
      if (!signal.aborted && !isAbandoned(task)) this.#startOver(lane, describeError(error));
      return;
    }
    lane.slot.busy += task.output.busy;
    this.#stats.took("process", now() - task.startedAt, now());
    if (isAbandoned(task)) return;
    task.state = "delivering";
    this.#intake.processed(task);
    this.#pump(lane);
    const start = now();
    try {
      const refused = await deliver(task, this.#delivery);
      this.#stats.took("deliver", now() - start, now());
      if (isAbandoned(task)) return;
      if (refused.length > 0) return this.#refused(task, refused);
      task.state = "ready";
      this.#checkpointer.notify();
    } catch (error) {
      if (!signal.aborted && !isAbandoned(task)) this.#startOver(lane, describeError(error));
    }
  }

  #committed(tasks: readonly Task[]): void {
    const time = this.#options.now();
    for (const task of tasks) {
      task.lane.failures = 0;
      this.#stats.committed(task, time);
      publish(task, this.#options.plan);
      const { tasks: underWay } = task.lane;
      underWay.splice(underWay.indexOf(task), 1);
      for (const slice of task.slices) slice.partition.passed(slice);
    }
    this.#intake.release(tasks);
    this.#eventTime.moved();
    this.#relays.notify();
    for (const lane of new Set(tasks.map((task) => task.lane))) this.#pump(lane);
  }

  /** Records that a sink will not take: they come by again, as dead letters, when the lane has started over. */
  #refused(task: Task, refused: readonly RefusedSource[]): void {
    for (const { source, stage, reason } of refused) {
      const { partition, offset } = originOf(task, source);
      partition.refused.set(offset, { offset, stage, reason });
    }
    this.#startOver(task.lane, refused[0]!.reason);
  }

  #startOver(lane: Lane, reason: string): void {
    lane.resets++;
    lane.resetReason ??= reason;
    this.#checkpointer.notify();
  }

  async #reset(lane: Lane): Promise<void> {
    const { resets } = lane;
    try {
      await this.#assignment.restore(lane);
      // Told to start over once more meanwhile, as when its worker has died again, it stays so for the next turn.
      if (lane.resets !== resets) return;
      lane.resetReason = undefined;
      this.#pump(lane);
    } catch (error) {
      if (!this.#stopping.signal.aborted) throw error;
    }
  }

  /** Gives up whatever is on the way. */
  #end(): void {
    this.#stopping.abort();
    this.#gathering.stop();
    for (const lane of this.#lanes) lane.abandon();
  }

  #fail(reason: string): void {
    if (this.#status.failure !== undefined) return;
    this.#status.failure = reason;
    this.#options.say(`${this.name}: ${reason}`);
    this.#end();
    this.#consumer.stop().catch((error) => this.#options.say(`${this.name}: ${describeError(error)}`));
    this.#options.failed(reason);
  }
}

/** A task can be given up at any await; asked by a function, since the compiler takes the state for settled. */
function isAbandoned(task: Task): boolean {
  return task.state === "abandoned";
}
