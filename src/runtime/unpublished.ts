import type { Offset } from "../record.ts";
import type { Cursors } from "./topic_cursor.ts";

/** What is in the warehouse and will never be in a topic. */
export interface Unpublished {
  readonly topic: string;
  readonly partition: number;
  /** Offsets of the source. */
  readonly from: Offset;
  /** The offset after the last one. */
  readonly to: Offset;
  /** Its records are not in the source any more. */
  readonly gone: boolean;
}

/** A partition that has a position, and is to go on from another offset. */
export interface Step {
  readonly partition: number;
  readonly position: Offset;
  readonly target: Offset;
  /** The first offset that the source still has. */
  readonly earliest: Offset;
  /** The position is one in a topic that is not there any more. */
  readonly isAnotherTopic: boolean;
}

/** What topics lack of the records before the positions, and will not get once these steps are made. */
export function unpublished(cursors: Cursors, steps: readonly Step[]): Unpublished[] {
  return [...cursors].flatMap(([topic, held]) =>
    steps.flatMap(({ partition, position, target, earliest, isAnotherTopic }) => {
      if (target <= position && !isAnotherTopic) return [];
      const from = held.get(partition) ?? position;
      // From here on they could get it still.
      const here = isAnotherTopic ? position : Math.min(Math.max(from, earliest), position);
      return [
        { topic, partition, from, to: here, gone: true },
        { topic, partition, from: here, to: position, gone: false },
      ].filter(({ from, to }) => from < to);
    })
  );
}

/** Why topics cannot be left without what they could still get. */
export function refusal(name: string, owed: readonly Unpublished[]): string {
  const [{ topic, partition, from, to }] = owed as [Unpublished];
  const count = owed.reduce((sum, each) => sum + each.to - each.from, 0);
  return `Cannot set ${name} to a later position: what ${count} offsets gave to its topics is not published yet, and ` +
    `would never be; the first are ${from} to ${
      to - 1
    } of partition ${partition}, for ${topic}; run the pipeline until ` +
    "its topics are 0 behind, stop it and try again, or add --skip-unpublished to leave that out";
}
