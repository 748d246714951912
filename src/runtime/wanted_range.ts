import { OffsetOutOfRange } from "../errors.ts";
import type { PartitionOffsets } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import type { OwnedPartition } from "./lane.ts";

/** A position that the log must have, and by whom it is wanted if not by all. */
interface Wanted {
  readonly next: Offset;
  readonly by: string;
}

/** The positions of a partition that the log must have, as they are now. */
export function wantedOf({ expected, checkpoint, publisher }: OwnedPartition): Wanted[] {
  const by = " for the topics that it writes to";
  return [
    { next: expected, by: expected < checkpoint.next ? by : "" },
    ...(publisher ? [{ next: publisher.furthest, by }] : []),
  ];
}

/**
 * Compares what is wanted of a partition with what the log has of it.
 *
 * @param offsets Undefined: the log did not tell, and nothing is compared.
 * @throws {OffsetOutOfRange} when the log has not what is wanted.
 */
export function checkRange(
  plan: Pipeline,
  partition: number,
  wanted: readonly Wanted[],
  offsets: PartitionOffsets | undefined,
): void {
  const missing = offsets && wanted.find(({ next }) => next < offsets.earliest || next > offsets.end);
  if (!missing) return;
  const { next, by } = missing;
  const lost = next < offsets.earliest
    ? `retention has removed the records from ${next} to ${offsets.earliest - 1} before they were read`
    : `the partition ends at ${offsets.end}: the topic was truncated or made anew`;
  throw new OffsetOutOfRange(
    `Cannot go on in partition ${partition} of ${plan.source.topic} at offset ${next}${by}: ${lost}; ` +
      `choose a position that is there with weir offsets reset ${resetArguments(plan)} --to earliest`,
  );
}

/** What names a stage to `weir offsets reset`. */
export function resetArguments({ name, source }: Pipeline): string {
  const [pipeline, behind] = name.split("/");
  return behind === undefined ? name : `${pipeline} --topic ${source.topic}`;
}
