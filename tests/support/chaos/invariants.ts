/** What must hold in the end, counted anew from the raw topic by code that shares nothing with what is tested. */
import assert from "node:assert/strict";
import type { Job } from "./job.ts";
import type { RawRecord } from "./kafka_client.ts";
import { until } from "./until.ts";
import { judge, type Order, windowMs } from "./orders.ts";
import type { Snapshot } from "./position_watch.ts";

/** How many records there were of each kind. */
export interface Found {
  readonly good: number;
  readonly filtered: number;
  readonly dead: number;
}

/** What a job was given to read, when that is not just all that its topic has. */
export interface Given {
  readonly records: readonly RawRecord[];
  /** By partition: where a reset went, and the time of µs since 1970 that all write times are above from there on. */
  readonly resets: ReadonlyMap<number, { readonly to: number; readonly writeTime: number }>;
}

interface GoodRecord extends RawRecord {
  readonly order: Order;
  /** What Cassandra's cells are to be written with, µs since 1970. */
  readonly writeTime: number;
}

/**
 * Checks every promise about where a job's records end. To be called when the job has caught up.
 *
 * - Each good record is in the warehouse exactly once, with its own partition and offset; each bad one in the dead
 *   letters, with its own bytes; the filtered ones nowhere.
 * - The windows equal a recount, and Cassandra has the record of each key that is to win, at its own write time.
 * - A `read_committed` reader of the output topic sees every good record once.
 * - A `read_committed` reader of the windows' updates sees each once, in order, and the last ones equal the recount.
 * - Positions never went back, and are at the end. At any moment what was written was what came before them.
 * - Each process that runs has accounted for what it took in; one that was alone all the time, for all there is.
 *
 * @param given Default: all that the topic has.
 */
export async function checkOrders(job: Job, given?: Given): Promise<Found> {
  const { records: raw, resets } = given ?? { records: await job.kafka.dump(job.name), resets: new Map() };
  const { good, dead } = sort(raw, resets);
  const found = { good: good.length, filtered: raw.length - good.length - dead.length, dead: dead.length };
  await checkCounts(job, found);
  await checkWarehouse(job, good);
  await checkWindows(job, good);
  await checkCassandra(job, good);
  await checkDeadLetters(job, dead);
  await checkOutput(job, good);
  await checkUpdates(job, good);
  assert.deepEqual(job.positions.wrong, [], "positions went back");
  const ends = await job.kafka.ends(job.name);
  assert.deepEqual(
    new Map((await job.positions.read()).map(({ partition, next }) => [partition, next])),
    ends,
  );
  checkSnapshots([...job.positions.snapshots, await job.positions.snapshot()], good);
  return found;
}

async function checkCounts({ running, started }: Job, { good, filtered, dead }: Found): Promise<void> {
  for (const weir of running) {
    await weir.until("its counts add up", ({ pipelines: [orders] }) => {
      if (!orders || orders.partitions.some(({ queued }) => queued > 0)) return undefined;
      const { in: taken, out, filtered: left, deadLettered } = orders.records;
      if (taken !== out + left + deadLettered) return undefined;
      return started > 1 || out === good && left === filtered && deadLettered === dead || undefined;
    });
  }
}

/** A transaction that wrote without moving a position, or moved one without writing, would be seen by who looks then. */
function checkSnapshots(snapshots: readonly Snapshot[], good: readonly GoodRecord[]): void {
  const byPartition = Map.groupBy(good, ({ partition }) => partition);
  const wrong = snapshots.filter(({ partitions, applied, counted }) => {
    let before = 0;
    const rowsFit = partitions.every(({ partition, next, orders }) => {
      const done = (byPartition.get(partition) ?? []).filter(({ offset }) => offset < next);
      before += done.length;
      return orders === new Set(done.map(({ order }) => order.id)).size;
    });
    return !rowsFit || applied !== before || counted !== before;
  });
  assert.deepEqual(wrong, [], "what was written was not what came before the positions");
}

function sort(raw: readonly RawRecord[], resets: Given["resets"]): { good: GoodRecord[]; dead: RawRecord[] } {
  const good: GoodRecord[] = [];
  const dead: RawRecord[] = [];
  const writeTimes = new Map<number, number>();
  for (const record of raw) {
    const { partition, offset, timestamp, value } = record;
    const reset = resets.get(partition);
    const last = Math.max(writeTimes.get(partition) ?? 0, reset && offset >= reset.to ? reset.writeTime : 0);
    const writeTime = Math.max(timestamp * 1_000, last + 1);
    writeTimes.set(partition, writeTime);
    const order = judge(value);
    if (order === "dead") dead.push(record);
    else if (order !== "filtered") good.push({ ...record, order, writeTime });
  }
  return { good, dead };
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
  const last = new Map(good.map(({ order, partition, offset }) => [order.id, `${partition} ${offset}`]));
  const rows = await database.query("select id, partition::text, at::text from orders");
  assert.deepEqual(
    rows.map((row) => `${row.id} ${row.partition} ${row.at}`).sort(),
    [...last].map(([id, place]) => `${id} ${place}`).sort(),
  );
}

async function checkWindows({ database }: Job, good: readonly GoodRecord[]): Promise<void> {
  const rows = await database.query(
    "select (extract(epoch from window_start) * 1000)::bigint::text as start, shop, orders::text, total::text from shops",
  );
  assert.deepEqual(
    rows.map((row) => `${row.start}|${row.shop} ${row.orders} ${Number(row.total)}`).sort(),
    [...recount(good)].map(([window, { orders, total }]) => `${window} ${orders} ${total}`).sort(),
  );
}

/** An update counts more orders than the one before: one that came twice, or too late, would not. */
async function checkUpdates(job: Job, good: readonly GoodRecord[]): Promise<void> {
  const windows = recount(good);
  // The outbox is emptied after the transaction.
  const last = new Map<string, number>();
  const wrong: string[] = [];
  await until("all updates are delivered", async () => {
    last.clear();
    wrong.length = 0;
    for (const { value } of await job.kafka.dumpCommitted(job.updates)) {
      const [start, shop, orders] = new TextDecoder().decode(value!).split("|");
      const window = `${start}|${shop}`;
      if (Number(orders) <= (last.get(window) ?? 0)) {
        wrong.push(`${window}: ${orders} orders after ${last.get(window)}`);
      }
      last.set(window, Number(orders));
    }
    return [...windows].every(([window, { orders }]) => last.get(window) === orders);
  }, { deadlineMs: 60_000, state: () => ({ last: [...last], windows: [...windows] }) });
  assert.deepEqual(wrong, []);
  assert.equal(last.size, windows.size);
}

/** Orders and their total by window and shop. */
function recount(good: readonly GoodRecord[]): Map<string, { orders: number; total: number }> {
  const windows = new Map<string, { orders: number; total: number }>();
  for (const { order: { shop, amount }, timestamp } of good) {
    const window = `${timestamp - timestamp % windowMs}|${shop}`;
    const { orders, total } = windows.get(window) ?? { orders: 0, total: 0 };
    windows.set(window, { orders: orders + 1, total: total + amount });
  }
  return windows;
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
      return `${id} ${partition} ${offset}`;
    });
    return out.length >= good.length;
  }, { deadlineMs: 60_000, state: () => ({ delivered: out.length, of: good.length }) });
  assert.deepEqual(
    out.sort(),
    good.map(({ order, partition, offset }) => `${order.id} ${partition} ${offset}`).sort(),
  );
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && new Uint8Array(bytes).toHex();
}
