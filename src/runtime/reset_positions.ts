import type { Log, PartitionOffsets } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import { type Cursors, publishedTopics, readCursors, setCursors } from "./topic_cursor.ts";

export interface ResetOptions {
  readonly plan: Pipeline;
  readonly services: {
    readonly log: Pick<Log, "publisher" | "offsets">;
    readonly warehouse: Pick<Warehouse, "positions" | "topicIds" | "claim" | "setPositions" | "forget">;
  };
  /** Where partitions go on; others stay as they are. */
  readonly positions: ReadonlyMap<number, Offset>;
  /** Where the source's partitions start and end. */
  readonly offsets: readonly PartitionOffsets[];
  /** The topic that these are offsets in, asked for before them. */
  readonly topicId: string | undefined;
  /** Skips what topics have not got yet, rather than refuse to. */
  readonly skipUnpublished: boolean;
}

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

/**
 * Sets where a pipeline goes on, and with it the cursors of its topics:
 *
 *     back:     |....t====c----p    topics get again what they had from t on
 *               |....c----t====p    topics that are behind t go on where they are
 *     forward:  |....c----p====t    refused, for nobody would bring c to p to the topic, unless that is to be skipped
 *
 *     p position   t target   c cursor   - not in the topic   = the range of the reset
 *
 * Partitions that the topic does not have any more, since it was made anew with fewer, are forgotten.
 *
 * What is to be skipped between p and t may be written in part if a process runs meanwhile.
 *
 * @returns What topics will not get though the warehouse has it.
 * @throws When it would skip what topics can still get; nothing is changed then.
 */
export async function resetPositions(options: ResetOptions): Promise<Unpublished[]> {
  const { plan, services: { log, warehouse }, positions, skipUnpublished } = options;
  const source = { group: plan.source.group, topic: plan.source.topic };
  const topics = publishedTopics(plan);
  let skipped: Unpublished[] = [];
  const look = (held: Cursors, standing: Positions) => {
    skipped = topics.flatMap((topic) => unpublished(topic, held.get(topic)!, standing, options));
    const owed = skipped.filter(({ gone }) => !gone);
    if (owed.length > 0 && !skipUnpublished) throw new Error(refusal(plan, owed));
  };
  // First without a word to the processes that run, which need not notice when it is refused.
  const seen = await warehouse.positions(source);
  const partitions = [...positions.keys()];
  // What is being written to may not tell, and is asked again below, when nobody writes.
  await readCursors(log, source, topics, partitions).then((held) => look(held, nextOf(seen)), () => {});
  // The cursors before the positions: whoever sees the warehouse's new positions reads them next.
  await setCursors(log, source, topics, partitions, async (held) => {
    // Made their owner, so that the positions stay where they are as well.
    const claimed = await warehouse.claim(source, partitions, new Map(), (each) => positions.get(each)!);
    look(held, nextOf(claimed));
    return new Map(topics.map((topic) => [topic, placed(held.get(topic)!, nextOf(claimed), options)]));
  });
  await warehouse.setPositions(source, positions, "all", options.topicId);
  const gone = seen.filter(({ partition }) => !rangeOf(partition, options.offsets));
  if (gone.length > 0) await warehouse.forget(source, gone.map(({ partition }) => partition));
  return skipped;
}

/** Positions by partition. */
type Positions = ReadonlyMap<number, Offset>;

function nextOf(checkpoints: Awaited<ReturnType<Warehouse["positions"]>>): Positions {
  return new Map(checkpoints.map(({ partition, next }) => [partition, next]));
}

/** The new cursors of a topic. */
function placed(cursors: Positions, standing: Positions, { positions, offsets }: ResetOptions): Positions {
  return new Map([...positions].map(([partition, target]) => {
    const cursor = cursors.get(partition) ?? target;
    const position = standing.get(partition) ?? target;
    const isForward = target > position;
    // Of a topic that was made anew the cursor says nothing.
    const isAnother = position > (rangeOf(partition, offsets)?.end ?? position);
    return [partition, isForward || isAnother ? target : Math.min(cursor, target)];
  }));
}

function unpublished(
  topic: string,
  cursors: Positions,
  standing: Positions,
  { positions, offsets }: ResetOptions,
): Unpublished[] {
  return [...positions].flatMap(([partition, target]) => {
    const position = standing.get(partition) ?? target;
    const cursor = cursors.get(partition) ?? position;
    const range = rangeOf(partition, offsets);
    if (!range || target <= position || cursor >= position || position > range.end) return [];
    const here = Math.min(Math.max(cursor, range.earliest), position);
    return [
      { topic, partition, from: cursor, to: here, gone: true },
      { topic, partition, from: here, to: position, gone: false },
    ].filter(({ from, to }) => from < to);
  });
}

function rangeOf(partition: number, offsets: readonly PartitionOffsets[]): PartitionOffsets | undefined {
  return offsets.find((each) => each.partition === partition);
}

function refusal({ name }: Pipeline, owed: readonly Unpublished[]): string {
  const [{ topic, partition, from, to }] = owed as [Unpublished];
  const count = owed.reduce((sum, each) => sum + each.to - each.from, 0);
  return `Cannot set ${name} to a later position: what ${count} offsets gave to its topics is not published yet, and ` +
    `would never be; the first are ${from} to ${
      to - 1
    } of partition ${partition}, for ${topic}; run the pipeline until ` +
    "its topics are 0 behind, stop it and try again, or add --skip-unpublished to leave that out";
}
