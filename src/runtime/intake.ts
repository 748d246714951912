import type { LogConsumer } from "../log/mod.ts";
import type { Batch } from "../record.ts";
import type { Assignment } from "./assignment.ts";
import type { Lane, OwnedPartition, Task } from "./lane.ts";

/** No partition is held back below this, however many share the memory. */
const leastHighMark = 64 * 1024;

/**
 * What comes in, bounded: all that is between fetch and commit counts, and each partition may hold its share of the memory.
 * Above it the partition is paused in the log, below half of it it is resumed.
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
    if (!owned.paused && owned.heldBytes > this.#highMark()) {
      owned.paused = true;
      this.#consumer.pause([owned.partition]);
    }
    return lane;
  }

  /** These batches are in the warehouse: their memory is free. */
  release(tasks: readonly Task[]): void {
    const resumed: number[] = [];
    for (const { partition: owned, bytes, offsets } of tasks.flatMap((task) => task.slices)) {
      owned.heldBytes -= bytes;
      owned.heldRecords -= offsets.length;
      if (owned.paused && owned.heldBytes < this.#highMark() / 2) {
        owned.paused = false;
        resumed.push(owned.partition);
      }
    }
    if (resumed.length > 0 && !this.#closed) this.#consumer.resume(resumed);
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
