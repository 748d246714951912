import { Fenced } from "../errors.ts";
import type { Log, PartitionOffsets } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint, SourceName, Warehouse } from "../warehouse/mod.ts";
import type { Reset } from "../warehouse/resets.ts";
import { finishResets, whileFenced, withPublishers } from "./reset_cursors.ts";
import { type Cursors, publishedTopics, readCursors } from "./topic_cursor.ts";
import { refusal, type Step, type Unpublished, unpublished } from "./unpublished.ts";

export interface ResetOptions {
  readonly plan: Pipeline;
  readonly services: {
    readonly log: Pick<Log, "publisher" | "offsets">;
    readonly warehouse: Pick<Warehouse, "positions" | "topicIds" | "claim" | "resets">;
  };
  /** Tells this reset from all others. */
  readonly id: string;
  /** Where partitions go on; others stay as they are. */
  readonly positions: ReadonlyMap<number, Offset>;
  /** Where the source's partitions start and end. */
  readonly offsets: readonly PartitionOffsets[];
  /** The topic that these are offsets in, asked for before them. */
  readonly topicId: string | undefined;
  /** Skips what topics have not got yet, rather than refuse to. */
  readonly skipUnpublished: boolean;
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
 * In a topic that was made anew all go on from t. Partitions that it does not have any more are forgotten.
 *
 * It happens as a whole or not at all, wherever it ends: one transaction of the warehouse sets the positions and says which
 * cursors are to move; they are set after it, here or by whoever publishes for these partitions next.
 *
 * What is to be skipped between p and t may be written in part if a process runs meanwhile.
 *
 * @returns What topics will not get though the warehouse has it.
 * @throws When it would skip what topics can still get; nothing is changed then.
 */
export async function resetPositions(options: ResetOptions): Promise<Unpublished[]> {
  const { plan: { name, source: { group, topic } }, services: { log, warehouse }, offsets } = options;
  const source = { group, topic };
  const topics = publishedTopics(options.plan);
  const partitions = [...options.positions.keys()];
  const finish = () =>
    finishResets({ log, resets: warehouse.resets }, source, offsets.map(({ partition }) => partition));
  // First without a word to the processes that run, which need not notice when it is refused.
  const seen = await standing(options, source, await warehouse.positions(source));
  // What is being written to may not tell, and is asked again below, when nobody writes.
  await readCursors(log, source, topics, partitions).then((held) => check(held, seen, options), () => {});
  const skipped = await whileFenced(async () => {
    const held = await claim(options, source);
    // After the claim: another reset changes the epochs, and cannot be made from here on without being noticed.
    await finish();
    const writers = topics.length > 0 ? partitions : [];
    const read = () => readCursors(log, source, topics, partitions);
    const skipped = check(await withPublishers(log, source, writers, read), held, options);
    await make(options, source, resetOf(options, topics, held));
    return skipped;
  });
  await finish().catch((cause) => {
    throw new Error(
      `The positions of ${name} are set, the cursors of its topics are not yet: its next start does that, or the next ` +
        "weir offsets show",
      { cause },
    );
  });
  return skipped;
}

/** Where partitions stand. */
interface Standing {
  /** Of all that have a position. */
  readonly checkpoints: readonly Checkpoint[];
  /** Whether a position is one in a topic that is not there any more. */
  readonly isAnotherTopic: (checkpoint: Checkpoint) => boolean;
}

/** Makes the caller the owner of the partitions that have a position, so that these stay where they are. */
async function claim(options: ResetOptions, source: SourceName): Promise<Standing> {
  const { services: { warehouse }, positions } = options;
  const all = await warehouse.positions(source);
  const [own, others] = [true, false].map((is) => all.filter((each) => positions.has(each.partition) === is));
  // Those without a position do not get one by it: should this be the end, nothing has happened.
  return await standing(options, source, [...others!, ...await claimHeld(options, source, own!)]);
}

function claimHeld(
  { services: { warehouse }, positions }: ResetOptions,
  source: SourceName,
  held: readonly { readonly partition: number }[],
): Promise<Checkpoint[]> {
  const partitions = held.map(({ partition }) => partition);
  return warehouse.claim(source, partitions, new Map(), (partition) => positions.get(partition)!);
}

async function standing(
  { services: { warehouse }, offsets, topicId }: ResetOptions,
  source: SourceName,
  checkpoints: readonly Checkpoint[],
): Promise<Standing> {
  const ids = await warehouse.topicIds(source);
  return {
    checkpoints,
    isAnotherTopic: ({ partition, next }) => {
      const id = ids.get(partition);
      if (id !== undefined && topicId !== undefined) return id !== topicId;
      return next > (rangeOf(partition, offsets)?.end ?? next);
    },
  };
}

/** What topics will not get; throws when they could still get some of it, and that is not to be skipped. */
function check(cursors: Cursors, { checkpoints, isAnotherTopic }: Standing, options: ResetOptions) {
  const { plan, positions, offsets, skipUnpublished } = options;
  const steps = checkpoints.flatMap((checkpoint): Step[] => {
    const { partition, next: position } = checkpoint;
    const target = positions.get(partition);
    if (target === undefined) return [];
    const earliest = rangeOf(partition, offsets)?.earliest ?? 0;
    return [{ partition, position, target, earliest, isAnotherTopic: isAnotherTopic(checkpoint) }];
  });
  const skipped = unpublished(cursors, steps);
  const owed = skipped.filter(({ gone }) => !gone);
  if (owed.length > 0 && !skipUnpublished) throw new Error(refusal(plan.name, owed));
  return skipped;
}

function resetOf(
  { id, topicId, positions, offsets }: ResetOptions,
  topics: readonly string[],
  { checkpoints, isAnotherTopic }: Standing,
): Reset {
  const partitions = Array.from(positions, ([partition, next]) => {
    const held = checkpoints.find((each) => each.partition === partition);
    // Of a topic that was made anew the cursors say nothing.
    const exactly = held !== undefined && (next > held.next || isAnotherTopic(held));
    return { partition, epoch: held?.epoch ?? null, next, exactly };
  });
  const gone = checkpoints.map(({ partition }) => partition).filter((each) => !rangeOf(each, offsets));
  return { id, topicId, topics, partitions, gone };
}

/** Makes the reset. When the answer is lost, the warehouse is asked whether it was made. */
async function make(options: ResetOptions, source: SourceName, reset: Reset): Promise<void> {
  const { plan, services: { warehouse } } = options;
  try {
    await warehouse.resets.make(source, reset);
  } catch (cause) {
    if (cause instanceof Fenced) throw cause;
    const made = await isMade(options, source, reset).catch(() => {
      throw new Error(
        `Cannot tell whether ${plan.name} was reset: the warehouse does not answer any more; look with weir offsets show`,
        { cause },
      );
    });
    if (!made) throw cause;
  }
}

async function isMade(
  options: ResetOptions,
  source: SourceName,
  { id, partitions }: Reset,
): Promise<boolean> {
  // Waits for what is still under way, and fences what has not arrived.
  await claimHeld(options, source, partitions.filter(({ epoch }) => epoch !== null));
  const last = await options.services.warehouse.resets.last(source);
  return partitions.every(({ partition }) =>
    last.some((each) => each.partition === partition && each.id === id)
  );
}

function rangeOf(partition: number, offsets: readonly PartitionOffsets[]): PartitionOffsets | undefined {
  return offsets.find((each) => each.partition === partition);
}
