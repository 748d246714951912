/** What must hold in the end, counted anew from the raw topic by code that shares nothing with what is tested. */
import assert from "node:assert/strict";
import { type Given, type GoodRecord, placeOf, sortRecords } from "./good_records.ts";
import type { Job } from "./job.ts";
import type { RawRecord } from "./kafka_client.ts";
import { checkNumbers } from "./number_invariants.ts";
import type { Snapshot } from "./position_watch.ts";
import { assertSameLines } from "./same_lines.ts";
import { until } from "./until.ts";
import { checkWindows } from "./window_invariants.ts";

/** How many records there were of each kind. */
export interface Found {
  readonly good: number;
  readonly filtered: number;
  readonly dead: number;
}

/**
 * Checks every promise about where a job's records end. To be called when the job has caught up.
 *
 * - Each good record is in the warehouse exactly once, with its own partition and offset; each bad one in the dead
 *   letters, with its own bytes; the filtered ones nowhere.
 * - The windows equal a recount, and Cassandra has the record of each key that is to win, at its own write time.
 * - A `read_committed` reader of the output topic sees every good record once.
 * - A `read_committed` reader of the windows' updates sees each once, in order, and the last ones equal the recount; one
 *   of the closed windows sees each once, and whole.
 * - Behind the repartition each good record is there once, and has the next number of its shop, by a state.
 * - Positions never went back, and are at the end. At any moment what was written was what came before them.
 * - Each process that runs has accounted for what it took in; one that was alone all the time, for all there is.
 *
 * @param given Default: all that the topic has.
 */
export async function checkOrders(job: Job, given?: Given): Promise<Found> {
  const read = given ?? { records: await job.kafka.dump(job.name), resets: new Map() };
  const { good, dead } = sortRecords(read);
  const filtered = read.records.length - good.length - dead.length;
  const found = { good: good.length, filtered, dead: dead.length };
  await checkCounts(job, found);
  await checkWarehouse(job, good);
  await checkWindows(job, good);
  await checkCassandra(job, good);
  await checkDeadLetters(job, dead);
  await checkOutput(job, good);
  assert.deepEqual(job.positions.wrong, [], "positions went back");
  const ends = await job.kafka.ends(job.name);
  assert.deepEqual(
    new Map((await job.positions.read()).map(({ partition, next }) => [partition, next])),
    ends,
  );
  const snapshots = [...job.positions.snapshots, await job.positions.snapshot()];
  checkSnapshots(snapshots, good);
  await checkNumbers(job, good, snapshots);
  return found;
}

async function checkCounts({ running, started }: Job, { good, filtered, dead }: Found): Promise<void> {
  for (const weir of running) {
    await weir.until("its counts add up", ({ pipelines: [orders, ofShops] }) => {
      if (!orders || !ofShops) return undefined;
      for (const { partitions, records } of [orders, ofShops]) {
        if (partitions.some(({ queued }) => queued > 0)) return undefined;
        if (records.in !== records.out + records.filtered + records.deadLettered) return undefined;
      }
      const { out, filtered: left, deadLettered } = orders.records;
      const isAll = out === good && left === filtered && deadLettered === dead &&
        ofShops.records.out === good;
      return started > 1 || isAll || undefined;
    });
  }
}

/** A transaction that wrote without moving a position, or moved one without writing, would be seen by who looks then. */
function checkSnapshots(snapshots: readonly Snapshot[], good: readonly GoodRecord[]): void {
  const progress = new Map(
    [...Map.groupBy(good, ({ partition }) => partition)].map((
      [each, records],
    ) => [each, progressOf(records)]),
  );
  const wrong = snapshots.filter(({ partitions, applied, counted }) => {
    let before = 0;
    const rowsFit = partitions.every(({ partition, next, orders }) => {
      const { offsets = [], ids = [0] } = progress.get(partition) ?? {};
      const done = countBelow(offsets, next);
      before += done;
      return orders === ids[done];
    });
    return !rowsFit || applied !== before || counted !== before;
  });
  assert.deepEqual(wrong, [], "what was written was not what came before the positions");
}

/** The offsets of a partition's records, and by how many of them came before: how many ids they had. */
function progressOf(records: readonly GoodRecord[]): { offsets: number[]; ids: number[] } {
  const seen = new Set<string>();
  const ids = [0, ...records.map(({ order: { id } }) => seen.add(id).size)];
  return { offsets: records.map(({ offset }) => offset), ids };
}

/** How many of these numbers, which are in order, are below one. */
function countBelow(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function checkWarehouse({ database }: Job, good: readonly GoodRecord[]): Promise<void> {
  const applied = await database.query("select id, times::text from applied");
  const sent = new Map<string, number>();
  for (const { order: { id } } of good) sent.set(id, (sent.get(id) ?? 0) + 1);
  const times = new Map(applied.map((row) => [row.id!, Number(row.times)]));
  const wrong = [...new Set([...sent.keys(), ...times.keys()])].filter((id) =>
    sent.get(id) !== times.get(id)
  );
  const told = wrong.slice(0, 5).map((id) => `${id} ${times.get(id) ?? 0} of ${sent.get(id) ?? 0} times`);
  assert.equal(wrong.length, 0, `of ${sent.size} orders ${wrong.length} were not applied once: ${told}`);
  // Of several with one id, which are in one partition, the last one's row stays.
  const last = new Map(good.map((record) => [record.order.id, placeOf(record)]));
  const rows = await database.query("select id, partition::text, at::text from orders");
  assertSameLines(
    "orders in the table",
    rows.map((row) => `${row.id} ${row.partition} ${row.at}`),
    [...last].map(([id, place]) => `${id} ${place}`),
  );
}

async function checkCassandra({ name, servers }: Job, good: readonly GoodRecord[]): Promise<void> {
  const winners = new Map<string, GoodRecord>();
  for (const record of good) {
    const { customer } = record.order;
    if (record.writeTime >= (winners.get(customer)?.writeTime ?? 0)) winners.set(customer, record);
  }
  const { Client } = await import("cassandra-driver");
  const client = new Client({ contactPoints: [servers.cassandra], localDataCenter: "datacenter1" });
  await client.connect();
  try {
    const { rows } = await client.execute(`SELECT customer, id, writetime(id) AS at FROM ${name}.latest`);
    assert.deepEqual(
      rows.map((row) => `${row["customer"]}: ${row["id"]} at ${row["at"]}`).sort(),
      [...winners].map(([customer, { order, writeTime }]) => `${customer}: ${order.id} at ${writeTime}`)
        .sort(),
    );
  } finally {
    await client.shutdown();
  }
}

async function checkDeadLetters(
  { name, kafka, deadLetters }: Job,
  dead: readonly RawRecord[],
): Promise<void> {
  const letters = new Map(
    (await kafka.dumpCommitted(deadLetters)).map(({ key, value }) => [key!, hex(value)]),
  );
  const expected = new Map(dead.map((each) => [`${name}-${each.partition}-${each.offset}`, hex(each.value)]));
  assert.deepEqual([...letters].sort(), [...expected].sort());
}

/** A `read_committed` reader of an output topic gets every record once. */
async function checkOutput({ kafka, output }: Job, good: readonly GoodRecord[]): Promise<void> {
  let out: string[] = [];
  // Topics follow the warehouse.
  await until("all are delivered", async () => {
    out = (await kafka.dumpCommitted(output)).map(({ value }) => {
      const { id, partition, offset } = JSON.parse(new TextDecoder().decode(value!));
      return `${id} ${placeOf({ partition, offset })}`;
    });
    return out.length >= good.length;
  }, { state: () => ({ delivered: out.length, of: good.length }) });
  assertSameLines(
    "orders in the output topic",
    out,
    good.map((record) => `${record.order.id} ${placeOf(record)}`),
  );
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && new Uint8Array(bytes).toHex();
}
