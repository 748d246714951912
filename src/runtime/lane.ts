import { countBefore, slicePacked } from "../packed_records.ts";
import type { Batch, Offset } from "../record.ts";
import type { Checkpoint } from "../warehouse/mod.ts";
import { type Chunk, type Limits, PartitionQueue } from "./partition_queue.ts";
import type { PartitionPublisher } from "./partition_publisher.ts";
import type { Refusal, SliceInput, TaskOutput } from "./protocol.ts";
import type { WorkerSlot } from "./worker_pool.ts";

/** A partition that this process owns. */
export class OwnedPartition {
  readonly queue: PartitionQueue;
  /** Records that sinks refused; they become dead letters when they come by again. */
  readonly refused = new Map<Offset, Refusal>();
  /** What the warehouse holds for it. */
  checkpoint: Checkpoint;
  /** The offset that the next batch of the log must start from. */
  expected: Offset;
  /** Bytes and records that were fetched and are not in the warehouse yet. */
  heldBytes = 0;
  heldRecords = 0;
  paused = false;
  /** When something last came in, or it was owned; ms since 1970. */
  arrivedAt = 0;

  /** @param publisher Of the pipeline's output topics, if it has any. */
  constructor(checkpoint: Checkpoint, limits: Limits, readonly publisher?: PartitionPublisher) {
    this.checkpoint = checkpoint;
    this.expected = this.#start;
    this.queue = new PartitionQueue(limits);
  }

  get partition(): number {
    return this.checkpoint.partition;
  }

  /** Bytes of what is not both in the warehouse and in the output topics. */
  get memory(): number {
    return this.heldBytes + (this.publisher?.heldBytes ?? 0);
  }

  /** Starts over from a checkpoint; what was fetched since is forgotten. */
  restore(checkpoint: Checkpoint): void {
    this.checkpoint = checkpoint;
    this.expected = this.#start;
    this.queue.clear();
    this.heldBytes = 0;
    this.heldRecords = 0;
  }

  /**
   * A slice is done: those of its records that sinks refused are dead letters. Others are not told of yet, as that of a
   * topic may come while a later slice is being committed.
   */
  passed({ from, next }: Pick<Slice, "from" | "next">): void {
    for (const offset of this.refused.keys()) {
      if (offset >= from && offset < next) this.refused.delete(offset);
    }
  }

  /** Topics that are behind the warehouse get what they miss first. */
  get #start(): Offset {
    return Math.min(this.checkpoint.next, this.publisher?.position ?? Infinity);
  }
}

/** A part of a task: a chunk of one partition. Its records have gone to the worker. */
export interface Slice extends Omit<Chunk, "records" | "bytes"> {
  readonly partition: OwnedPartition;
  /** The memory that it takes: that of its records, and when they are processed that of what came of them. */
  bytes: number;
  /** The warehouse has it already: it comes by again for the output topics. */
  readonly replayed: boolean;
}

/**
 * A batch on its way:
 *
 *     processing (in the worker) -> delivering (to tables and topics) -> ready -> committed (with others)
 *          \________________________ abandoned: its lane starts over ________/
 */
export interface Task {
  readonly lane: Lane;
  readonly slices: readonly Slice[];
  readonly startedAt: number;
  /** Aborts when it is abandoned. */
  readonly stopped: AbortController;
  state: "processing" | "delivering" | "ready" | "abandoned";
  output?: TaskOutput;
}

/** Where a record of a task came from, by its index over all slices. */
export function originOf(task: Task, index: number): { partition: OwnedPartition; offset: Offset } {
  let base = 0;
  for (const { partition, offsets } of task.slices) {
    if (index < base + offsets.length) return { partition, offset: offsets[index - base]! };
    base += offsets.length;
  }
  throw new RangeError(`a task of ${base} records has no record ${index}`);
}

/** Two, so that the worker finds the next batch waiting when it is done with one. */
const tasksInWorker = 2;
/** Of all states: more would only make batches smaller. */
const tasksUnderWay = 6;

/**
 * The partitions of one pipeline that one worker has, and their batches on the way, in order. When the worker is free,
 * it gets all that waits, up to the limits: batches are as large as the pace of what follows makes them.
 */
export class Lane {
  readonly partitions = new Map<number, OwnedPartition>();
  /** In the order in which they were taken; commits keep to it. */
  tasks: Task[] = [];
  /** Why the lane has to start over from the warehouse's positions; it is idle until then. */
  resetReason: string | undefined;
  /** How often it was told to start over: one that comes while it does so is not to be lost. */
  resets = 0;
  /** How often in a row its worker failed at a task. */
  failures = 0;
  readonly #pipeline: string;
  readonly #limits: Limits;
  readonly #now: () => number;
  #nextSlice = 0;

  constructor(readonly slot: WorkerSlot, pipeline: string, limits: Limits, now: () => number) {
    this.#pipeline = pipeline;
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Tells the worker where a partition starts, and the states that operators have there; rejects when it dies. `starts`
   * as the message has them.
   */
  async prepare(
    checkpoint: Checkpoint,
    states: AsyncIterable<string>,
    starts: readonly (Offset | null)[] = [],
  ): Promise<void> {
    const { worker } = this.slot;
    worker.assign(this.#pipeline, checkpoint, starts);
    for await (const page of states) await worker.load(this.#pipeline, checkpoint.partition, page);
  }

  /**
   * Owns a partition from now on, from a checkpoint that the worker was prepared for; `publisher` is that of the output
   * topics, if there are any.
   */
  own(checkpoint: Checkpoint, publisher?: PartitionPublisher): void {
    const partition = new OwnedPartition(checkpoint, this.#limits, publisher);
    partition.arrivedAt = this.#now();
    this.partitions.set(partition.partition, partition);
  }

  /** An idle partition goes on, from the checkpoint that it was woken with. Nothing of it is on the way. */
  wake(partition: OwnedPartition, checkpoint: Checkpoint): void {
    partition.checkpoint = checkpoint;
    const { watermark } = checkpoint;
    if (watermark !== null) this.slot.worker.wake(this.#pipeline, checkpoint.partition, watermark);
  }

  /** The partition is another's from now on. Batches on the way go on: the warehouse decides about them. */
  remove(partition: OwnedPartition): void {
    this.partitions.delete(partition.partition);
    partition.queue.clear();
  }

  /** Adds what the log has fetched; false when it does not continue where the last batch ended. */
  push(partition: OwnedPartition, batch: Batch): boolean {
    if (batch.from !== partition.expected) return false;
    // What the warehouse has already and what it has not do not share a chunk.
    for (const part of cutAt(batch, partition.checkpoint.next)) {
      partition.heldBytes += partition.queue.push(part);
    }
    partition.heldRecords += batch.records.count;
    partition.arrivedAt = this.#now();
    partition.expected = batch.next;
    return true;
  }

  /** How much waits for the worker, see `PartitionQueue`. */
  get waiting(): number {
    let waiting = 0;
    for (const { queue } of this.partitions.values()) waiting += queue.waiting;
    return waiting;
  }

  /** Takes the next task, if the worker has room for one and anything waits. The caller gives it to `run`. */
  take(): { task: Task; inputs: SliceInput[] } | undefined {
    if (this.resetReason !== undefined || this.slot.starting || this.tasks.length >= tasksUnderWay) {
      return undefined;
    }
    if (this.tasks.filter((task) => task.state === "processing").length >= tasksInWorker) return undefined;
    const slices: Slice[] = [];
    const inputs: SliceInput[] = [];
    const left = { ...this.#limits };
    for (const partition of this.#inTurn()) {
      if (left.records <= 0 || left.bytes <= 0) break;
      for (const { records, ...chunk } of partition.queue.take(left)) {
        left.records -= records.count;
        left.bytes -= chunk.bytes;
        slices.push({ partition, replayed: chunk.from < partition.checkpoint.next, ...chunk });
        inputs.push({ partition: partition.partition, records, refused: [...partition.refused.values()] });
      }
    }
    if (slices.length === 0) return undefined;
    const task: Task = {
      lane: this,
      slices,
      startedAt: this.#now(),
      stopped: new AbortController(),
      state: "processing",
    };
    this.tasks.push(task);
    return { task, inputs };
  }

  /** The tasks that can be committed now: those at the front that are ready. */
  ready(): Task[] {
    if (this.resetReason !== undefined) return [];
    const end = this.tasks.findIndex((task) => task.state !== "ready");
    return end < 0 ? [...this.tasks] : this.tasks.slice(0, end);
  }

  /** Forgets every batch on the way: they will be taken anew from the log. */
  abandon(): void {
    for (const task of this.tasks) {
      task.state = "abandoned";
      task.stopped.abort();
    }
    this.tasks = [];
  }

  /**
   * All partitions but idle ones, which wait until they are woken; starting with another one each time, so that a full
   * one does not starve the rest.
   */
  #inTurn(): OwnedPartition[] {
    const all = [...this.partitions.values()].filter(({ checkpoint }) => !checkpoint.idle);
    const start = all.length === 0 ? 0 : this.#nextSlice++ % all.length;
    return [...all.slice(start), ...all.slice(0, start)];
  }
}

function cutAt(batch: Batch, at: Offset): Batch[] {
  const { from, next, records } = batch;
  if (at <= from || at >= next) return [batch];
  const before = countBefore(records, at);
  return [
    { ...batch, next: at, records: slicePacked(records, 0, before) },
    { ...batch, from: at, records: slicePacked(records, before, records.count) },
  ];
}
