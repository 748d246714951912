import type { Log } from "../../src/log/mod.ts";
import { withPublishers } from "../../src/runtime/reset_cursors.ts";
import { cursorAt } from "../../src/runtime/topic_cursor.ts";
import type { SourceName } from "../../src/warehouse/mod.ts";

/** Sets the cursors of a topic, by partition of the source. Processes that publish are fenced by it. */
export async function setCursors(
  log: Pick<Log, "publisher">,
  source: SourceName,
  topic: string,
  cursors: ReadonlyMap<number, number>,
): Promise<void> {
  await withPublishers(log, source, [...cursors.keys()], async (publishers) => {
    for (const [partition, publisher] of publishers) {
      const cursor = cursorAt(source, topic, partition, cursors.get(partition)!);
      await publisher.publish({ records: [], cursors: [cursor] });
    }
  });
}
