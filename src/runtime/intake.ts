import type { LogConsumer } from "../log/mod.ts";
import type { Batch } from "../record.ts";
import type { Assignment } from "./assignment.ts";
import type { Lane, OwnedPartition, Task } from "./lane.ts";
import { keptBytes } from "./partition_queue.ts";
import { type TaskOutput, transferables } from "./protocol.ts";

/** No partition is held back below this, however many share the memory. */
const leastHighMark = 64 * 1024;

/**
 * What comes in, bounded: all counts that is not both in the warehouse and in the output topics. A partition above its
 * share of the memory is paused in the log, and all are when the memory is full; they are resumed below half of both.
 */
export class Intake {
  readonly #consumer: LogConsumer;
  readonly #assignment: Assignment;
  readonly #memoryBytes: number;
  #closed = false;

  constructor(consumer: LogConsumer, assignment: Assignment, memoryBytes: number) {
    this.#consumer = consumer;
    this.#assignment = assignment;
    this.#memoryBytes = memoryBytes;
  }

  /** Takes a batch that the log has fetched; gives the lane that has more to do now. */
  accept(batch: Batch, misplaced: (partition: OwnedPartition) => void): Lane | undefined {
    const lane = this.#assignment.laneOf(batch.partition);
    const owned = lane?.partitions.get(batch.partition);
    if (!lane || !owned || this.#closed) return undefined;
    if (!lane.push(owned, batch)) {
      misplaced(owned);
      return undefined;
    }
    this.#pause(this.#above([...this.#assignment.owned()]));
    return lane;
  }

  /**
   * After an assignment, which makes the log forget all pauses: tells it anew of each partition. The answer to an earlier
   * assignment may have come in between, so those that flow are told, too.
   */
  assigned(): void {
    const partitions = [...this.#assignment.owned()];
    const above = new Set(this.#closed ? partitions : this.#above(partitions));
    for (const each of partitions) each.paused = above.has(each);
    const which = (paused: boolean) =>
      partitions.filter((each) => each.paused === paused).map(({ partition }) => partition);
    if (above.size > 0) this.#consumer.pause(which(true));
    if (above.size < partitions.length) this.#consumer.resume(which(false));
  }

  /**
   * A batch came back from its worker: what came of its records is held from now on, and they are not. What is kept of each
   * still counts, so that a topic that gets little and stands still cannot be left behind without bound.
   */
  processed({ slices, output }: Task): void {
    const before = slices.reduce((sum, { bytes }) => sum + bytes, 0);
    const share = bytesOf(output!) / before;
    for (const slice of slices) {
      const bytes = slice.bytes * share + keptBytes(slice);
      slice.partition.heldBytes += bytes - slice.bytes;
      slice.bytes = bytes;
    }
    this.resume();
  }

  /** These batches are in the warehouse: their memory is free, but for what waits to be published. */
  release(tasks: readonly Task[]): void {
    for (const { partition, bytes, offsets } of tasks.flatMap((task) => task.slices)) {
      partition.heldBytes -= bytes;
      partition.heldRecords -= offsets.length;
    }
    this.resume();
  }

  /** Memory may be free: partitions that were held back go on if it is. */
  resume(): void {
    const partitions = [...this.#assignment.owned()];
    if (this.#closed || held(partitions) > this.#memoryBytes / 2) return;
    const free = partitions.filter(({ paused, memory }) => paused && memory < this.#highMark() / 2);
    for (const each of free) each.paused = false;
    if (free.length > 0) this.#consumer.resume(free.map(({ partition }) => partition));
  }

  /** Those that are to be paused. */
  #above(partitions: readonly OwnedPartition[]): OwnedPartition[] {
    const full = held(partitions) > this.#memoryBytes;
    return partitions.filter((each) => full || each.memory > this.#highMark());
  }

  #pause(partitions: readonly OwnedPartition[]): void {
    const flowing = partitions.filter(({ paused }) => !paused);
    for (const each of flowing) each.paused = true;
    if (flowing.length > 0) this.#consumer.pause(flowing.map(({ partition }) => partition));
  }

  /** Takes nothing more. */
  close(): void {
    this.#closed = true;
    this.#consumer.pause([...this.#assignment.owned()].map(({ partition }) => partition));
  }

  #highMark(): number {
    return Math.max(leastHighMark, this.#memoryBytes / Math.max(1, this.#assignment.size));
  }
}

function held(partitions: readonly OwnedPartition[]): number {
  return partitions.reduce((sum, { memory }) => sum + memory, 0);
}

function bytesOf(output: TaskOutput): number {
  return transferables(output).reduce((sum, { byteLength }) => sum + byteLength, 0);
}
