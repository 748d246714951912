import { describeError, OffsetOutOfRange } from "../errors.ts";
import type { ConsumerListener, LogConsumer } from "../log/mod.ts";
import type { Batch, Offset } from "../record.ts";
import type { PipelineStatus } from "../status/snapshot.ts";
import type { SourceName } from "../warehouse/mod.ts";
import { Assignment } from "./assignment.ts";
import { Checkpointer } from "./checkpointer.ts";
import { EventTime } from "./event_time.ts";
import { Flow } from "./flow.ts";
import { GroupPosition } from "./group_position.ts";
import { Intake } from "./intake.ts";
import { Lane } from "./lane.ts";
import { leftBehind } from "./left_behind.ts";
import { OutputTables } from "./output_tables.ts";
import type { PublishingOptions } from "./partition_publisher.ts";
import { openPublishers } from "./publishing.ts";
import { References } from "./references.ts";
import { Relays } from "./relays.ts";
import { pause } from "./retry.ts";
import type { PipelineRunOptions } from "./run_options.ts";
import { RunStats } from "./run_stats.ts";
import { RunStatus } from "./run_status.ts";
import { SinkMeter } from "./sink_meter.ts";
import { prepareStores } from "./stores.ts";
import { Watch } from "./watch.ts";
import type { WorkerSlot } from "./worker_pool.ts";

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
  readonly #tables: OutputTables;
  readonly #publishing: PublishingOptions;
  readonly #checkpointer: Checkpointer;
  readonly #group: GroupPosition;
  readonly #references: References;
  readonly #eventTime: EventTime;
  readonly #relays: Relays;
  readonly #stats = new RunStats();
  readonly #status: RunStatus;
  readonly #flow: Flow;
  readonly #watch: Watch;
  readonly #meters: SinkMeter[];
  readonly #deadLetterMeter: SinkMeter;
  readonly #stopping = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: PipelineRunOptions) {
    this.#options = options;
    const { plan, services, pool, limits, now } = options;
    const { signal } = this.#stopping;
    this.#source = { group: plan.source.group, topic: plan.source.topic };
    const batch = { records: limits.maxBatchRecords, bytes: limits.maxBatchBytes };
    this.#lanes = pool.slots.map((slot) => new Lane(slot, plan.name, batch, now));
    this.#meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    this.#deadLetterMeter = new SinkMeter(plan.deadLetter, "dead-letter");
    this.#consumer = services.log.consumer(this.#source.topic, this.#source.group);
    const delivery = {
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
      resets: services.warehouse.resets,
      meters: this.#meters,
      signal,
      now,
      published: (partition) => {
        const owned = this.#assignment.laneOf(partition)?.partitions.get(partition);
        if (owned) this.#stats.published(owned);
        this.#intake.resume();
      },
      refused: (partition, refusal) => {
        const lane = this.#assignment.laneOf(partition);
        const owned = lane?.partitions.get(partition);
        if (!lane || !owned) return;
        if (!owned.refused.has(refusal.offset)) this.#stats.refused(owned, refusal.offset);
        owned.refused.set(refusal.offset, refusal);
        this.#flow.startOver(lane, refusal.reason);
      },
      fenced: (partition, reason) => {
        const lane = this.#assignment.laneOf(partition);
        if (lane) this.#flow.startOver(lane, reason);
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
      committed: (tasks) => this.#flow.committed(tasks),
      refused: (task, refused) => this.#flow.refused(task, refused),
      fenced: (lanes, reason) => lanes.forEach((lane) => this.#flow.startOver(lane, reason)),
      reset: (lane) => this.#flow.reset(lane),
    });
    this.#assignment = new Assignment({
      plan,
      source: this.#source,
      lanes: this.#lanes,
      warehouse: services.warehouse,
      consumer: this.#consumer,
      topicId: () => services.log.topicId(this.#source.topic),
      offsets: () => this.#group.poll(),
      offsetsAt: (timestamp) => services.log.offsetsAt(this.#source.topic, timestamp),
      now,
      publishers: (checkpoints) => openPublishers(this.#publishing, checkpoints),
      lost: (partition) => this.#stats.lost(partition),
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
      woken: (lane) => this.#flow.pump(lane),
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
    this.#flow = new Flow({
      plan,
      lanes: this.#lanes,
      delivery,
      tables: this.#tables,
      assignment: this.#assignment,
      intake: this.#intake,
      checkpointer: this.#checkpointer,
      references: this.#references,
      eventTime: this.#eventTime,
      relays: this.#relays,
      stats: this.#stats,
      status: this.#status,
      interval: limits.commitInterval,
      signal,
      now,
    });
    this.#watch = new Watch({
      assignment: this.#assignment,
      flow: this.#flow,
      status: this.#status,
      pool,
      workerTimeout: limits.workerTimeout,
      now,
      failed: (reason) => this.#fail(reason),
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
    const { plan, services, say } = this.#options;
    await prepareStores(plan, services);
    await this.#tables.create();
    for (const line of await leftBehind(plan, this.#tables.streams, services.warehouse.outbox)) {
      say(`${this.name}: ${line}`);
    }
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
      this.#watch.run(signal),
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
    for (const lane of this.#lanes.filter((each) => each.slot === slot)) {
      this.#flow.startOver(lane, error.message);
    }
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
    this.#flow.pump(lane);
  }

  /** Gives up whatever is on the way. */
  #end(): void {
    this.#stopping.abort();
    this.#flow.abandon();
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
