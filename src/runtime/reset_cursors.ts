/** The cursors of output topics that resets have left to be set: whoever has a partition's publisher sets them first. */
import { Fenced } from "../errors.ts";
import type { Log, Publisher } from "../log/mod.ts";
import type { Offset } from "../record.ts";
import type { SourceName } from "../warehouse/mod.ts";
import type { LastReset, Resets } from "../warehouse/resets.ts";
import { cursorAt, type Cursors, publisherId, readCursors } from "./topic_cursor.ts";

/** The log holds the cursors, and the warehouse knows of resets. */
export interface CursorServices {
  readonly log: Pick<Log, "publisher" | "offsets">;
  readonly resets: Pick<Resets, "last" | "finish">;
}

/** Where partitions stand for the one who has their publishers. */
export interface SettledCursors {
  /** Of the topics that were asked for; those that were never set are left out. */
  readonly cursors: Cursors;
  /** Of each partition that was ever reset, the last reset's id. */
  readonly resets: ReadonlyMap<number, string>;
}

/**
 * Gives the cursors to go on from, after setting those that a reset has left to be set:
 *
 *     the position, and what is to be set | open the publisher | read that | read and set cursors | it is done
 *     -- one transaction of the reset --- | ------------ this, by whoever comes first, and once more after a kill ---
 *
 * Nobody else publishes from `open` until it is done, or this is fenced: so doing it twice sets the same cursors.
 *
 * @param publishers By partition. They are open, and nothing was published by them yet.
 * @throws {Fenced} when another has taken one of them over.
 */
export async function settleCursors(
  { log, resets }: CursorServices,
  source: SourceName,
  topics: readonly string[],
  publishers: ReadonlyMap<number, Publisher>,
): Promise<SettledCursors> {
  // Asked when the publishers are open: should it be done already, none of these cursors is moved a second time.
  const last = (await resets.last(source)).filter(({ partition }) => publishers.has(partition));
  const left = last.filter((reset) => reset.topics.length > 0);
  // They may be other topics than the pipeline has by now.
  const all = new Set([...topics, ...left.flatMap((reset) => reset.topics)]);
  const cursors = await readCursors(log, source, [...all], [...publishers.keys()]);
  await Promise.all(left.map(async (reset) => {
    const { partition } = reset;
    const moved = reset.topics.map((topic) => {
      return cursorAt(source, topic, partition, cursorAfter(reset, cursors.get(topic)!.get(partition)));
    });
    await publishers.get(partition)!.publish({ records: [], cursors: moved });
    reset.topics.forEach((topic, i) => cursors.get(topic)!.set(partition, moved[i]!.offset));
  }));
  for (const [id, own] of Map.groupBy(left, (reset) => reset.id)) {
    await resets.finish(source, id, own.map(({ partition }) => partition));
  }
  return { cursors, resets: new Map(last.map(({ partition, id }) => [partition, id])) };
}

function cursorAfter({ next, exactly }: LastReset, cursor: Offset = next): Offset {
  return exactly ? next : Math.min(cursor, next);
}

/** Sets the cursors that resets have left to be set at these partitions, which the topic must have. */
export async function finishResets(
  services: CursorServices,
  source: SourceName,
  partitions: readonly number[],
): Promise<void> {
  await whileFenced(async () => {
    const left = (await services.resets.last(source))
      .filter(({ partition, topics }) => topics.length > 0 && partitions.includes(partition))
      .map(({ partition }) => partition);
    await withPublishers(services.log, source, left, async (publishers) => {
      await settleCursors(services, source, [], publishers);
    });
  });
}

/** Does something while nobody else publishes for these partitions, or until somebody takes them over. */
export async function withPublishers<T>(
  log: Pick<Log, "publisher">,
  source: SourceName,
  partitions: readonly number[],
  action: (publishers: ReadonlyMap<number, Publisher>) => Promise<T>,
): Promise<T> {
  const publishers = new Map(partitions.map((each) => [each, log.publisher(publisherId(source, each))]));
  try {
    await Promise.all([...publishers.values()].map((publisher) => publisher.open()));
    return await action(publishers);
  } finally {
    await Promise.all([...publishers.values()].map((publisher) => publisher.close()));
  }
}

const tries = 10;

/** Tries again when a process that runs has come in between. */
export async function whileFenced<T>(action: () => Promise<T>): Promise<T> {
  for (let left = tries - 1;; left--) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Fenced) || left === 0) throw error;
    }
  }
}
