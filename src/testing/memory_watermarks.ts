import { Fenced } from "../errors.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint, Move, SourceName, TableName } from "../warehouse/mod.ts";
import type { Closed, Closing, IdleMark, Owner, Watermarks } from "../warehouse/watermarks.ts";

/** The positions of one source in memory, and how far its time has come. */
export class MemoryWatermarks implements Watermarks {
  readonly #checkpoints = new Map<number, Checkpoint>();
  readonly #close: (closing: Closing, watermark: number) => number;
  #watermark: number | null = null;

  /** @param close Closes the windows that end at or before a time, and says how many they were. */
  constructor(close: (closing: Closing, watermark: number) => number) {
    this.#close = close;
  }

  /** Makes the caller the owner, as `Warehouse.claim` does. */
  claim(
    partitions: readonly number[],
    held: ReadonlyMap<number, number>,
    initial: (partition: number) => Offset,
  ): Checkpoint[] {
    return partitions.toSorted((a, b) => a - b).map((partition) => {
      const before = this.#checkpoints.get(partition) ?? {
        partition,
        epoch: 0,
        next: initial(partition),
        writeTime: 0,
        eventTime: null,
        watermark: this.#watermark,
        idle: false,
      };
      const epoch = held.get(partition) === before.epoch ? before.epoch : before.epoch + 1;
      const claimed = { ...before, epoch };
      this.#checkpoints.set(partition, claimed);
      return claimed;
    });
  }

  /**
   * Makes all moves, or none.
   *
   * @throws {Fenced} when one does not start where its partition stands.
   */
  move(moves: readonly Move[]): void {
    for (const { partition, epoch, from } of moves) {
      const held = this.#checkpoints.get(partition);
      if (held?.epoch === epoch && held.next === from && !held.idle) continue;
      throw new Fenced(`partition ${partition} does not stand at offset ${from} of epoch ${epoch}`);
    }
    for (const { from: _, ...move } of moves) {
      this.#checkpoints.set(move.partition, { ...move, idle: false });
    }
  }

  read(): Promise<number | null> {
    return Promise.resolve(this.#watermark);
  }

  markIdle(_: SourceName, partitions: readonly IdleMark[]): Promise<number[]> {
    const marked = partitions.filter(({ partition, epoch, next }) => {
      const held = this.#checkpoints.get(partition);
      return held?.epoch === epoch && held.next === next;
    }).map(({ partition }) => partition);
    for (const each of marked) {
      this.#checkpoints.set(each, { ...this.#checkpoints.get(each)!, idle: true });
    }
    return Promise.resolve(marked);
  }

  wake(_: SourceName, partitions: readonly Owner[]): Promise<Checkpoint[]> {
    const awake = partitions.flatMap(({ partition, epoch }) => {
      const held = this.#checkpoints.get(partition);
      if (held?.epoch !== epoch) return [];
      const watermark = largest([held.watermark, this.#watermark]);
      const checkpoint = { ...held, watermark, idle: false };
      this.#checkpoints.set(partition, checkpoint);
      return [checkpoint];
    });
    return Promise.resolve(awake);
  }

  close(
    _: SourceName,
    closings: readonly Closing[],
    _absent?: readonly TableName[],
  ): Promise<Closed | undefined> {
    const watermark = this.#flowing();
    if (watermark === null || watermark <= (this.#watermark ?? -Infinity)) return Promise.resolve(undefined);
    this.#watermark = watermark;
    const windows = closings.map((closing) => this.#close(closing, watermark));
    return Promise.resolve({ watermark, windows });
  }

  /** The smallest of the partitions that are not idle, null while one of them has none; once all are idle, the largest. */
  #flowing(): number | null {
    const all = [...this.#checkpoints.values()];
    const flowing = all.filter(({ idle }) => !idle).map(({ watermark }) => watermark);
    if (flowing.length === 0) return largest(all.map(({ watermark }) => watermark));
    return flowing.reduce((a, b) => a === null || b === null ? null : Math.min(a, b));
  }
}

function largest(watermarks: readonly (number | null)[]): number | null {
  return watermarks.reduce((a, b) => a === null ? b : b === null ? a : Math.max(a, b), null);
}
