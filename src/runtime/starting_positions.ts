import { milliseconds } from "../duration.ts";
import { OffsetOutOfRange } from "../errors.ts";
import type { PartitionOffsets } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";

/** What a time in a pipeline's source is turned into offsets with. */
export interface StartingPositionsOptions {
  readonly plan: Pipeline;
  /** Asks the log for the first offsets from a time on, ms since 1970. */
  readonly offsetsAt: (timestamp: number) => Promise<ReadonlyMap<number, Offset>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Where a group that reads a topic for the first time begins in each of the topic's partitions: what `from` in the
 * pipeline's source says.
 *
 * @throws {OffsetOutOfRange} when a partition does not have the offset that is given for it.
 */
export async function startingPositions(
  options: StartingPositionsOptions,
  offsets: Iterable<PartitionOffsets>,
): Promise<ReadonlyMap<number, Offset>> {
  const { topic, from } = options.plan.source;
  const since = await offsetsSince(options);
  const start = ({ partition, earliest, end }: PartitionOffsets) => {
    if (from === "earliest") return earliest;
    if (from === "latest") return end;
    // A partition that was added this very moment is unknown, and read from its start.
    if (since) return since.get(partition) ?? earliest;
    if ("timestamp" in from || "ago" in from) return earliest;
    const given = from[partition] ?? earliest;
    if (given >= earliest && given <= end) return given;
    throw new OffsetOutOfRange(
      `Cannot start partition ${partition} of ${topic} at offset ${given}, as the pipeline's source says in ` +
        `"from": it goes from ${earliest} to ${end}; give an offset in between`,
    );
  };
  return new Map([...offsets].map((each) => [each.partition, start(each)]));
}

/** The first offsets from the time on that the pipeline's source gives; undefined when it gives none. */
async function offsetsSince(
  { plan: { source: { from } }, offsetsAt, now }: StartingPositionsOptions,
): Promise<ReadonlyMap<number, Offset> | undefined> {
  if (typeof from !== "object") return undefined;
  if ("timestamp" in from) return await offsetsAt(Number(from.timestamp));
  return "ago" in from ? await offsetsAt(Math.max(0, Math.floor(now()) - milliseconds(from.ago))) : undefined;
}
