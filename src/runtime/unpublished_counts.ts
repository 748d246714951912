import type { Offset } from "../record.ts";
import type { RecordCounts } from "../status/snapshot.ts";

/** How the records of a stretch of a partition ended. */
export interface Outcomes extends RecordCounts {
  readonly from: Offset;
  /** The offset after its last record. */
  readonly next: Offset;
}

/**
 * The counts of what is in the warehouse and not in all topics yet. They wait, since a topic may refuse what a record gave,
 * which is a dead letter then and not out; and what has been told once is never taken back.
 */
export class UnpublishedCounts {
  /** By what they belong to: a partition, as long as it is owned. */
  readonly #waiting = new Map<object, Outcomes[]>();

  /** Stretches come in order. */
  add(partition: object, outcomes: Outcomes): void {
    const waiting = this.#waiting.get(partition);
    if (waiting) waiting.push(outcomes);
    else this.#waiting.set(partition, [outcomes]);
  }

  /** Takes out what lies before an offset as a whole. */
  take(partition: object, before: Offset): Outcomes[] {
    const waiting = this.#waiting.get(partition) ?? [];
    const end = waiting.findIndex(({ next }) => next > before);
    if (end < 0) this.#waiting.delete(partition);
    return waiting.splice(0, end < 0 ? waiting.length : end);
  }

  /** A record that was out is a dead letter. One that was counted by the owner before, or is told of already, stays. */
  refuse(partition: object, offset: Offset): void {
    const waiting = this.#waiting.get(partition) ?? [];
    const at = waiting.findIndex(({ from, next }) => from <= offset && offset < next);
    const held = waiting[at];
    if (held) waiting[at] = { ...held, out: held.out - 1, deadLettered: held.deadLettered + 1 };
  }
}
