import type { Batch, Offset } from "../record.ts";
import type { Checkpoint } from "../warehouse/mod.ts";
import { packRecords } from "./packed_records.ts";
import { PartitionQueue } from "./partition_queue.ts";
import type { Refusal, SliceInput, TaskOutput } from "./protocol.ts";
import type { WorkerSlot } from "./worker_pool.ts";

/** A partition that this process owns. */
export class OwnedPartition {
  readonly queue = new PartitionQueue();
  /** Records that sinks refused; they become dead letters when they come by again. */
  readonly refused = new Map<Offset, Refusal>();
  /** What the warehouse holds for it. */
  checkpoint: Checkpoint;
  /** The offset that the next batch of the log must start from. */
  expected: Offset;
  /** The position after the last record that a task has taken. */
  taken: Offset;
  /** Bytes and records that were fetched and are not in the warehouse yet. */
  heldBytes = 0;
  heldRecords = 0;
  paused = false;

  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
    this.expected = checkpoint.next;
    this.taken = checkpoint.next;
  }

  get partition(): number {
    return this.checkpoint.partition;
  }

  /** Starts over from a checkpoint; what was fetched since is forgotten. */
  restore(checkpoint: Checkpoint): void {
    this.checkpoint = checkpoint;
    this.expected = checkpoint.next;
    this.taken = checkpoint.next;
    this.queue.clear();
    this.heldBytes = 0;
    this.heldRecords = 0;
  }
}

/** The part of a task that is of one partition. */
export interface Slice {
  readonly partition: OwnedPartition;
  readonly from: Offset;
  readonly next: Offset;
  readonly bytes: number;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
}

/**
 * A batch on its way:
 *
 *     processing (in the worker) -> delivering (to tables and topics) -> ready -> committed (with others)
 *          \________________________ abandoned: its lane starts over ________/
 */
export interface Task {
  readonly id: number;
  readonly lane: Lane;
  readonly slices: readonly Slice[];
  readonly startedAt: number;
  state: "processing" | "delivering" | "ready" | "abandoned";
  output?: TaskOutput;
}

/** How much may be taken at once, and how many tasks may be under way. */
export interface LaneLimits {
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
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
  readonly #pipeline: string;
  readonly #limits: LaneLimits;
  readonly #now: () => number;
  #nextSlice = 0;

  constructor(readonly slot: WorkerSlot, pipeline: string, limits: LaneLimits, now: () => number) {
    this.#pipeline = pipeline;
    this.#limits = limits;
    this.#now = now;
  }

  add(partition: OwnedPartition): void {
    this.partitions.set(partition.partition, partition);
    this.slot.worker.assign(this.#pipeline, partition.checkpoint);
  }

  /** The partition is another's from now on. Batches on the way go on: the warehouse decides about them. */
  remove(partition: OwnedPartition): void {
    this.partitions.delete(partition.partition);
    partition.queue.clear();
  }

  /** Adds what the log has fetched; false when it does not continue where the last batch ended. */
  push(partition: OwnedPartition, batch: Batch, bytes: number): boolean {
    if (batch.from !== partition.expected) return false;
    partition.queue.push(batch);
    partition.expected = batch.next;
    partition.heldBytes += bytes;
    partition.heldRecords += batch.records.length;
    return true;
  }

  /** Takes the next task, if the worker has room for one and anything waits. The caller gives it to `run`. */
  take(id: number): { task: Task; inputs: SliceInput[] } | undefined {
    if (this.resetReason !== undefined || this.slot.starting || this.tasks.length >= tasksUnderWay) {
      return undefined;
    }
    if (this.tasks.filter((task) => task.state === "processing").length >= tasksInWorker) return undefined;
    const slices: Slice[] = [];
    const inputs: SliceInput[] = [];
    let records = this.#limits.maxBatchRecords;
    let bytes = this.#limits.maxBatchBytes;
    for (const partition of this.#inTurn()) {
      if (records <= 0 || bytes <= 0) break;
      const taken = partition.queue.take(records, bytes);
      if (!taken) continue;
      records -= taken.records.length;
      bytes -= taken.bytes;
      slices.push({
        partition,
        from: partition.taken,
        next: taken.next,
        bytes: taken.bytes,
        offsets: Float64Array.from(taken.records, (record) => record.offset),
        timestamps: Float64Array.from(taken.records, (record) => record.timestamp),
      });
      inputs.push({
        partition: partition.partition,
        records: packRecords(taken.records),
        refused: [...partition.refused.values()],
      });
      partition.taken = taken.next;
    }
    if (slices.length === 0) return undefined;
    const task: Task = { id, lane: this, slices, startedAt: this.#now(), state: "processing" };
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
    for (const task of this.tasks) task.state = "abandoned";
    this.tasks = [];
  }

  /** All partitions, starting with another one each time, so that a full one does not starve the rest. */
  #inTurn(): OwnedPartition[] {
    const all = [...this.partitions.values()];
    const start = all.length === 0 ? 0 : this.#nextSlice++ % all.length;
    return [...all.slice(start), ...all.slice(0, start)];
  }
}
