/** How far each output topic has come: a cursor of its own beside the warehouse's position, kept in the log. */
import type { Cursor, Log } from "../log/mod.ts";
import { isRecordTopic, keepsStates, type Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import type { SourceName } from "../warehouse/mod.ts";

/** The topics that a pipeline publishes to, each once. */
export function publishedTopics(plan: Pipeline): string[] {
  return [...new Set(plan.outputs.filter((_, i) => isPublished(plan, i)).map(({ sink }) => sink.name))];
}

/**
 * Whether an output goes to a topic by a cursor of its own: a record's part can be made again for a topic that is behind,
 * unless the pipeline keeps states. Those may make a dead letter of a record, or give something else for it, and are not
 * what they were when it first came.
 */
export function isPublished(plan: Pipeline, output: number): boolean {
  return isRecordTopic(plan, plan.outputs[output]!) && !keepsStates(plan);
}

/** The id of a source partition's publisher: its owner fences the owner before by it. */
export function publisherId({ group, topic }: SourceName, partition: number): string {
  return `${group}/${topic}/${partition}`;
}

/** The cursor of an output topic at a partition of the source. */
export function cursorAt(source: SourceName, output: string, partition: number, offset: Offset): Cursor {
  return { group: cursorGroup(source, output), topic: source.topic, partition, offset };
}

function cursorGroup({ group }: SourceName, output: string): string {
  return `${group}.${output}`;
}

/** The cursors of output topics, by topic and then by partition. */
export type Cursors = ReadonlyMap<string, ReadonlyMap<number, Offset>>;

/**
 * The cursors at some partitions as they are; those that were never set are left out. To be asked for where one has the
 * publisher: elsewhere another moves them, for the most of the time.
 */
export async function readCursors(
  log: Pick<Log, "offsets">,
  source: SourceName,
  topics: readonly string[],
  partitions: readonly number[],
): Promise<Map<string, Map<number, Offset>>> {
  const read = new Map<string, Map<number, Offset>>();
  for (const topic of topics) {
    const cursors = new Map<number, Offset>();
    const offsets = await log.offsets(source.topic, cursorGroup(source, topic), partitions);
    for (const { partition, committed } of offsets) {
      if (committed !== null) cursors.set(partition, committed);
    }
    read.set(topic, cursors);
  }
  return read;
}
