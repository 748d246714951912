import type { Publisher } from "../log/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint } from "../warehouse/mod.ts";
import type { Task } from "./lane.ts";
import { PackedReader } from "../packed_records.ts";
import { PartitionPublisher, type PublishableRecord, type PublishingOptions } from "./partition_publisher.ts";
import { settleCursors } from "./reset_cursors.ts";
import { cursorAt, isPublished, publishedTopics, publisherId } from "./topic_cursor.ts";

/**
 * Takes over the publishers of partitions, and gives each with the cursors that it goes on from. A topic that has no
 * cursor yet starts at the warehouse's position, and gets one before anything else is done: otherwise a crash before the
 * first publication would leave no trace of where it is to start.
 *
 * @returns By partition; empty for a pipeline without topics to publish to.
 */
export async function openPublishers(
  options: PublishingOptions,
  checkpoints: readonly Checkpoint[],
): Promise<Map<number, PartitionPublisher>> {
  const { plan, log, source } = options;
  const topics = publishedTopics(plan);
  if (topics.length === 0 || checkpoints.length === 0) return new Map();
  const opened: Publisher[] = [];
  const open = async ({ partition }: Checkpoint) => {
    const publisher = log.publisher(publisherId(source, partition));
    opened.push(publisher);
    await publisher.open();
    return [partition, publisher] as const;
  };
  try {
    const publishers = new Map(await Promise.all(checkpoints.map(open)));
    const { cursors: read, resets } = await settleCursors(options, source, topics, publishers);
    return new Map(
      await Promise.all(checkpoints.map(async ({ partition, next }) => {
        const publisher = publishers.get(partition)!;
        const absent = topics.filter((topic) => !read.get(topic)!.has(partition));
        if (absent.length > 0) {
          const cursors = absent.map((topic) => cursorAt(source, topic, partition, next));
          await publisher.publish({ records: [], cursors });
        }
        const cursors = new Map(topics.map((topic) => [topic, read.get(topic)!.get(partition) ?? next]));
        const reset = resets.get(partition);
        return [partition, new PartitionPublisher(options, partition, publisher, cursors, reset)] as const;
      })),
    );
  } catch (error) {
    await Promise.all(opened.map((publisher) => publisher.close()));
    throw error;
  }
}

/** Bytes of the objects of a record that waits, about. */
const recordBytes = 400;

/** Gives what a task's records gave to the topics to the publishers of their partitions. */
export function publish(task: Task, plan: Pipeline): void {
  const rows = task.output!.outputs.flatMap((output, i) =>
    output.kind === "records" && isPublished(plan, i)
      ? [{ output: i, records: new PackedReader(output.records).produced(), sources: output.sources, at: 0 }]
      : []
  );
  let end = 0;
  for (const { partition: { publisher }, offsets, ...slice } of task.slices) {
    const base = end;
    end += offsets.length;
    const records: PublishableRecord[] = [];
    for (const each of rows) {
      for (; each.at < each.sources.length && each.sources[each.at]! < end; each.at++) {
        const offset: Offset = offsets[each.sources[each.at]! - base]!;
        records.push({ output: each.output, offset, record: each.records[each.at]! });
      }
    }
    publisher?.add({
      from: slice.from,
      next: slice.next,
      records,
      bytes: slice.bytes + records.length * recordBytes,
    });
  }
}
