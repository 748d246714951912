/** What must hold on both sides of a repartition, counted anew by code that shares nothing with the runtime. */
import type { FakeLog } from "./fake_log.ts";
import type { FakeWarehouse } from "./fake_warehouse.ts";
import { positionsMove } from "./invariants.ts";
import { passageTopic, sourceTopic } from "./regrouped.ts";

/** A cursor of the topic between the stages that was set. */
export interface SetCursor {
  readonly partition: number;
  readonly before: number;
  readonly next: number;
}

export interface EndedStages {
  readonly log: FakeLog;
  readonly warehouse: FakeWarehouse;
  readonly cursors: readonly SetCursor[];
}

/** A record: its topic's text, and how often it is to count. */
interface Due {
  readonly line: string;
  readonly times: number;
}

/**
 * Everything that is not as it should be, once all is read.
 *
 * - Positions go on without a gap, apart from where they were set.
 * - Each record of the source passes once; one more or one fewer for each time that the cursor was set back or on over it.
 * - Each record that has passed is numbered once, or as often as positions that were set say; and the numbers of a key go
 *   on without a gap, for a reset leaves the states as they are.
 */
export function stageViolations({ log, warehouse, cursors }: EndedStages): string[] {
  const passed = lines(log, passageTopic).flat();
  const numbered = warehouse.rows("public.numbered");
  return [
    ...positionsMove(warehouse.history),
    ...differences("has passed", due(log, sourceTopic, cursors), passed),
    ...differences(
      "is numbered",
      due(log, passageTopic, sets(warehouse, passageTopic)),
      numbered.map(({ id, key }) => `${id},${key}`),
    ),
    ...differences(
      "is seen by the first stage",
      due(log, sourceTopic, sets(warehouse, sourceTopic)).map(({ line, times }) => ({
        line: line.split(",")[0]!,
        times: Math.min(times, 1),
      })),
      warehouse.rows("public.seen").map(({ id }) => id!),
    ),
    ...[...Map.groupBy(numbered, ({ key }) => key)].flatMap(([key, rows]) => {
      const numbers = rows.map(({ number }) => Number(number)).sort((a, b) => a - b);
      return numbers.some((number, i) => number !== i + 1) ? [`${key} has the numbers ${numbers}`] : [];
    }),
  ];
}

/** How often each record of a topic counts, when these are all the times that its position was set. */
function due(log: FakeLog, topic: string, set: readonly SetCursor[]): Due[] {
  return lines(log, topic).flatMap((records, partition) =>
    records.map((line, offset) => {
      const within = (from: number, to: number) => from <= offset && offset < to;
      const times = set.filter((each) => each.partition === partition).reduce(
        (sum, { before, next }) => sum + Number(within(next, before)) - Number(within(before, next)),
        1,
      );
      return { line, times };
    })
  );
}

function sets({ history }: FakeWarehouse, topic: string): SetCursor[] {
  return history.flatMap((event) =>
    event.kind === "set" && event.topic === topic && event.before !== null
      ? [{ partition: event.partition, before: event.before, next: event.next }]
      : []
  );
}

function differences(what: string, due: readonly Due[], found: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) + 1);
  // A line that has passed several times is several records behind.
  const expected = new Map<string, number>();
  for (const { line, times } of due) expected.set(line, (expected.get(line) ?? 0) + times);
  return [...new Set([...expected.keys(), ...counts.keys()])].flatMap((line) => {
    const [should, is] = [expected.get(line) ?? 0, counts.get(line) ?? 0];
    return should === is ? [] : [`"${line}" ${what} ${is} times instead of ${should}`];
  });
}

/** By partition, what a topic's records hold. */
function lines(log: FakeLog, topic: string): string[][] {
  return (log.topics.get(topic) ?? []).map((records) =>
    records.map((record) => new TextDecoder().decode(record!.value!))
  );
}
