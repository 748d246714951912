/** What must hold whatever went wrong, counted anew from the raw topic by code that shares nothing with the runtime. */
import type { SourceRecord } from "../../src/record.ts";
import type { PipelineStatus } from "../../src/status/snapshot.ts";
import { type FakeLog, mostFetched } from "./fake_log.ts";
import type { CellRow } from "./fake_tables.ts";
import type { PositionEvent, TextRow } from "./fake_warehouse.ts";
import { deadLetterTopic, mostOutBytes, outTopic, sourceTopic, windowSize } from "./simulated_pipeline.ts";
import type { Stores } from "./stores.ts";
import type { Kind, Made } from "./thing_source.ts";

export interface Ended {
  readonly stores: Stores;
  readonly things: readonly Made[];
}

/** Kinds that end in the tables, and kinds that end in the dead letters. The rest is filtered. */
const outKinds: readonly Kind[] = ["good", "large"];
const deadKinds: readonly Kind[] = [
  "invalid",
  "tombstone",
  "garbage",
  "large",
  "refused-by-tables",
  "refused-by-warehouse",
];
/** Dead letters that a table or topic may have taken before or after another sink refused them. */
const perhapsKinds: readonly Kind[] = ["refused-by-warehouse", "refused-by-tables"];

/** Everything that is not as it should be, once all is read. */
export function violations(ended: Ended): string[] {
  const times = timesDue(ended);
  return [
    ...positionsMove(ended.stores.warehouse.history),
    ...thingsAreCounted(ended, times),
    ...windowsAddUp(ended, times),
    ...deadLettersAreThere(ended, times),
    ...outputIsOnce(ended, times),
    ...latestWins(ended, times),
    ...partsAreLatest(ended, times),
    // Positions that were set keep the write times as they were: what comes by again gets others than before.
    ...wasReset(ended) ? [] : ended.stores.tables.conflicts,
  ];
}

/** How often each record has to be counted: once, but for those that a reset has skipped or repeated. */
function timesDue({ stores, things }: Ended): Map<Made, number> {
  const times = new Map(things.map((made) => [made, 1]));
  for (const event of stores.warehouse.history) {
    if (event.kind !== "set" || event.before === null) continue;
    const { partition, before, next } = event;
    for (const made of things) {
      if (made.partition !== partition) continue;
      if (made.offset >= next && made.offset < before) times.set(made, times.get(made)! + 1);
      if (made.offset >= before && made.offset < next) times.set(made, times.get(made)! - 1);
    }
  }
  return times;
}

/** Each move starts where the last one ended, and goes on. */
export function positionsMove(history: readonly PositionEvent[]): string[] {
  const at = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of history) {
    const { topic, partition, next } = event;
    const where = `partition ${partition} of ${topic}`;
    if (event.kind === "move" && (event.from !== at.get(where) || next <= event.from)) {
      wrong.push(`${where} stood at ${at.get(where)} and moved from ${event.from} to ${next}`);
    }
    at.set(where, next);
  }
  return wrong;
}

function thingsAreCounted({ stores, things }: Ended, times: Map<Made, number>): string[] {
  const wrong: string[] = [];
  const counted = new Map(
    stores.warehouse.rows("public.times").map((row) => [row["id"], Number(row["times"])]),
  );
  const rows = new Map(stores.warehouse.rows("public.things").map((row) => [row["id"], row["key"]]));
  for (const made of things) {
    if (!made.thing) continue;
    const { id, key } = made.thing;
    const due = outKinds.includes(made.kind) ? times.get(made)! : 0;
    if ((counted.get(id) ?? 0) !== due) {
      wrong.push(`${id} was counted ${counted.get(id) ?? 0} times instead of ${due}`);
    }
    if (rows.get(id) !== (due > 0 ? key : undefined)) wrong.push(`the row of ${id} is ${rows.get(id)}`);
    counted.delete(id);
    rows.delete(id);
  }
  for (const id of [...counted.keys(), ...rows.keys()]) wrong.push(`${id} was made up`);
  return wrong;
}

function windowsAddUp({ stores, things }: Ended, times: Map<Made, number>): string[] {
  const due = new Map<string, { things: number; amount: number }>();
  for (const { kind, thing, ...made } of things) {
    const count = times.get(
      things.find((each) => each.partition === made.partition && each.offset === made.offset)!,
    )!;
    if (!thing || !outKinds.includes(kind) || count === 0) continue;
    const window = `${new Date(Math.floor(thing.at / windowSize) * windowSize).toISOString()} ${thing.key}`;
    const sum = due.get(window) ?? { things: 0, amount: 0 };
    due.set(window, { things: sum.things + count, amount: sum.amount + thing.amount * count });
  }
  const found = new Map(
    stores.warehouse.rows("public.windows").map((row: TextRow) => [
      `${new Date(row["window_start"]!).toISOString()} ${row["key"]}`,
      { things: Number(row["things"]), amount: Number(row["amount"]) },
    ]),
  );
  return [...new Set([...due.keys(), ...found.keys()])].flatMap((window) => {
    const [should, is] = [JSON.stringify(due.get(window)), JSON.stringify(found.get(window))];
    return should === is ? [] : [`the window ${window} is ${is} instead of ${should}`];
  });
}

function deadLettersAreThere(ended: Ended, times: Map<Made, number>): string[] {
  const { stores, things } = ended;
  const letters = Map.groupBy(recordsOf(stores.log, deadLetterTopic), ({ key }) => text(key));
  const wrong: string[] = [];
  for (const made of things) {
    const name = `${sourceTopic}-${made.partition}-${made.offset}`;
    const found = letters.get(name) ?? [];
    letters.delete(name);
    if (!deadKinds.includes(made.kind)) {
      if (found.length > 0) {
        wrong.push(`${made.thing!.id} is a dead letter: ${header(found[0]!, "weir.error")}`);
      }
      continue;
    }
    // One too large for the topic is found when it is published: a reset may skip it after it was counted.
    const skipped = made.kind === "large" && wasReset(ended);
    if (found.length === 0 && times.get(made)! > 0 && !skipped) {
      wrong.push(`${name}, ${made.kind}, is not in the dead letters`);
    }
    const fits = (made.value?.length ?? 0) <= mostOutBytes;
    for (const letter of found) {
      if (text(letter.value) !== (fits ? text(made.value) : undefined)) wrong.push(`${name} has other bytes`);
      if (header(letter, "weir.timestamp") !== String(made.timestamp)) {
        wrong.push(`${name} has another timestamp`);
      }
    }
  }
  return [...wrong, ...[...letters.keys()].map((name) => `the dead letter ${name} was made up`)];
}

/** Each good record is once in the topic. A reset skips or repeats by the topic's own cursor, which may be behind. */
function outputIsOnce(ended: Ended, times: Map<Made, number>): string[] {
  const { stores, things } = ended;
  const found = Map.groupBy(recordsOf(stores.log, outTopic), ({ value }) => text(value));
  const wrong: string[] = [];
  for (const made of things) {
    const count = found.get(text(made.value))?.length ?? 0;
    const most = wasReset(ended) ? Infinity : 1;
    const least = made.kind === "good" && !wasReset(ended) ? times.get(made)! : 0;
    if (count < least || count > (made.kind === "good" || perhaps(made) ? most : 0)) {
      wrong.push(`${made.thing?.id ?? made.kind} is ${count} times in the topic ${outTopic}`);
    }
  }
  return [...wrong, ...outputIsInOrder(ended)];
}

/** The records of a source partition keep their order in each partition of the topic. */
function outputIsInOrder(ended: Ended): string[] {
  if (wasReset(ended)) return [];
  const { stores: { log }, things } = ended;
  const origins = new Map(things.filter(({ thing }) => thing).map((made) => [text(made.value), made]));
  const wrong: string[] = [];
  for (const records of log.topics.get(outTopic)!) {
    const last = new Map<number, Made>();
    for (const record of records) {
      const made = origins.get(text(record!.value));
      if (!made) continue;
      const before = last.get(made.partition);
      if (before && before.offset > made.offset) {
        wrong.push(`${made.thing!.id} comes after ${before.thing!.id} in the topic ${outTopic}`);
      }
      last.set(made.partition, made);
    }
  }
  return wrong;
}

/** The row of each key is that of its last record. */
function latestWins(ended: Ended, times: Map<Made, number>): string[] {
  const writes = Map.groupBy(writesDue(ended.things), ({ made }) => made.thing!.key);
  return compare(ended, "sim.latest", [...writes].map(([key, all]) => [key, all] as const), times);
}

function partsAreLatest(ended: Ended, times: Map<Made, number>): string[] {
  const writes = new Map<string, Write[]>();
  for (const { made, time } of writesDue(ended.things)) {
    for (let part = 0; part < made.thing!.parts; part++) {
      const key = `${made.thing!.key}.${part}`;
      writes.set(key, [...writes.get(key) ?? [], { made, time: time + 1 + part }]);
    }
  }
  return compare(ended, "sim.parts", [...writes], times);
}

interface Write {
  readonly made: Made;
  /** Microseconds. */
  readonly time: number;
}

/** Every record that can reach the tables, with the write time of its first row: a function of what came before it. */
function writesDue(things: readonly Made[]): Write[] {
  const last = new Map<number, number>();
  return things.flatMap((made) => {
    const time = Math.max(made.timestamp * 1_000, (last.get(made.partition) ?? 0) + 1);
    const writes = made.thing && (outKinds.includes(made.kind) || perhaps(made));
    last.set(made.partition, writes ? time + made.thing!.parts : time);
    return writes ? [{ made, time }] : [];
  });
}

function wasReset({ stores }: Ended): boolean {
  return stores.warehouse.history.some((event) => event.kind === "set" && event.before !== null);
}

function compare(
  ended: Ended,
  table: string,
  writes: readonly (readonly [string, Write[]])[],
  times: Map<Made, number>,
): string[] {
  const wrong: string[] = [];
  const rows: Map<string, CellRow> = new Map(ended.stores.tables.tables.get(table));
  for (const [key, all] of writes) {
    const id = rows.get(JSON.stringify([key]))?.get("id");
    const certain = all.findLastIndex(({ made }) => outKinds.includes(made.kind) && times.get(made)! > 0);
    const is = all.findIndex(({ made }) => made.thing!.id === id?.value);
    rows.delete(JSON.stringify([key]));
    // After a reset the order of reading counts.
    const last = wasReset(ended) ? lastRead(ended, all) : all[certain]?.made;
    const fits = last === undefined || last === all[is]?.made || is >= 0 && perhaps(all[is]!.made);
    if (wasReset(ended) ? !fits : is < certain) {
      wrong.push(`${table} has ${id?.value} for ${key}, which is older than ${last?.thing?.id}`);
    } else if (id && is >= 0 && !wasReset(ended) && id.time !== all[is]!.time) {
      wrong.push(`${table} has ${id.value} at ${id.time} instead of ${all[is]!.time}`);
    }
  }
  return [...wrong, ...[...rows.keys()].map((key) => `${table} has ${key}, which was made up`)];
}

/**
 * The good one among these records that was brought in last; undefined if the position was set after it, since what was
 * read then and never brought in may have been written, too.
 */
function lastRead({ stores }: Ended, writes: readonly Write[]): Made | undefined {
  const partition = writes[0]!.made.partition;
  for (const event of stores.warehouse.history.toReversed()) {
    if (event.partition !== partition) continue;
    if (event.kind === "set") return undefined;
    const last = writes.findLast(({ made }) =>
      outKinds.includes(made.kind) && made.offset >= event.from && made.offset < event.next
    );
    if (last) return last.made;
  }
  return undefined;
}

function perhaps({ kind }: Made): boolean {
  return perhapsKinds.includes(kind);
}

function recordsOf(log: FakeLog, topic: string): SourceRecord[] {
  return (log.topics.get(topic) ?? []).flat().filter((record) => record !== null);
}

function text(bytes: Uint8Array | null): string | undefined {
  return bytes ? String.fromCharCode(...bytes) : undefined;
}

function header({ headers }: SourceRecord, name: string): string | undefined {
  return text(headers.find(({ key }) => key === name)?.value ?? null);
}

/** What a process holds between fetch and commit, and the most that one fetch of each of its partitions can bring. */
export function heldBytes(
  { partitions }: Pick<PipelineStatus, "partitions">,
  log: FakeLog,
): { bytes: number; fetches: number } {
  let [bytes, fetches] = [0, 0];
  for (const { partition, position, queued, worker } of partitions) {
    if (worker === null) continue;
    const records = log.topics.get(sourceTopic)![partition]!;
    bytes += sum(
      records.slice(position!).filter((record) => record !== null).slice(0, queued).map(packedSize),
    );
    fetches += mostFetched * Math.max(0, ...records.map(packedSize));
  }
  return { bytes, fetches };
}

/** How many records a process has brought into the warehouse. */
export function recordsMoved({ log, warehouse }: Stores, by: string): number {
  const partitions = log.topics.get(sourceTopic)!;
  return warehouse.moves.reduce((all, event) => {
    if (event.by !== by) return all;
    return all +
      partitions[event.partition]!.slice(event.from, event.next).filter((record) => record !== null).length;
  }, 0);
}

function packedSize(record: SourceRecord | null): number {
  return record === null ? 0 : 28 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
