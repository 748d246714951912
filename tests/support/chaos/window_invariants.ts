/** What must hold of the job's windows, in its table and in the topics that get their updates and their last results. */
import assert from "node:assert/strict";
import type { GoodRecord } from "./good_records.ts";
import type { Job } from "./job.ts";
import { windowMs } from "./orders.ts";
import { assertSameLines } from "./same_lines.ts";
import { until } from "./until.ts";

/** Orders and their total by `start|shop`. */
type Windows = ReadonlyMap<string, { readonly orders: number; readonly total: number }>;

/** The table, updates and last results equal a recount. */
export async function checkWindows(job: Job, good: readonly GoodRecord[]): Promise<void> {
  const windows = recount(good);
  await checkTable(job, windows);
  await checkUpdates(job, windows);
  await checkClosed(job, windows, closedBy(job, good));
}

function recount(good: readonly GoodRecord[]): Windows {
  const windows = new Map<string, { orders: number; total: number }>();
  for (const { order: { shop, amount }, timestamp } of good) {
    const window = `${timestamp - timestamp % windowMs}|${shop}`;
    const { orders, total } = windows.get(window) ?? { orders: 0, total: 0 };
    windows.set(window, { orders: orders + 1, total: total + amount });
  }
  return windows;
}

/** Windows that end by then have to be closed: every partition has an order that is so much later. */
function closedBy({ latenessMs }: Job, good: readonly GoodRecord[]): number {
  const latest = new Map<number, number>();
  for (const { partition, timestamp } of good) {
    latest.set(partition, Math.max(timestamp, latest.get(partition) ?? 0));
  }
  return Math.min(...latest.values()) - latenessMs;
}

async function checkTable({ database }: Job, windows: Windows): Promise<void> {
  const rows = await database.query(
    "select (extract(epoch from window_start) * 1000)::bigint::text as start, shop, orders::text, total::text from shops",
  );
  assertSameLines(
    "windows in the table",
    rows.map((row) => `${row.start}|${row.shop} ${row.orders} ${Number(row.total)}`),
    [...windows].map(([window, { orders, total }]) => `${window} ${orders} ${total}`),
  );
}

/** An update counts more orders than the one before: one that came twice, or too late, would not. */
async function checkUpdates(job: Job, windows: Windows): Promise<void> {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  const behind = () =>
    [...windows].filter(([window, { orders }]) => last.get(window) !== orders)
      .map(([window, { orders }]) => `${window}: ${last.get(window) ?? 0} of ${orders}`);
  // The outbox is emptied after the transaction.
  await until("all updates are delivered", async () => {
    last.clear();
    wrong.length = 0;
    for (const { window, orders } of await dump(job, job.updates)) {
      if (orders <= (last.get(window) ?? 0)) {
        wrong.push(`${window}: ${orders} orders after ${last.get(window)}`);
      }
      last.set(window, orders);
    }
    return behind().length === 0;
  }, { state: behind });
  assert.deepEqual(wrong, []);
  assert.equal(last.size, windows.size);
}

/** A window is there once, and whole: nothing that belongs to it came after it was closed. */
async function checkClosed(job: Job, windows: Windows, by: number): Promise<void> {
  const due = [...windows.keys()].filter((window) => Number(window.split("|")[0]) + windowMs <= by);
  let closed: { window: string; orders: number }[] = [];
  const missing = () => {
    const there = new Set(closed.map(({ window }) => window));
    return due.filter((window) => !there.has(window));
  };
  await until("all windows are closed", async () => {
    closed = await dump(job, job.closed);
    return missing().length === 0;
  }, { state: missing });
  const expected = new Set(closed.map(({ window }) => window));
  assertSameLines(
    "closed windows",
    closed.map(({ window, orders }) => `${window} ${orders}`),
    [...expected].map((window) => `${window} ${windows.get(window)?.orders ?? 0}`),
  );
}

/** The lines of a topic that gets windows, as a `read_committed` reader sees them. */
async function dump({ kafka }: Job, topic: string): Promise<{ window: string; orders: number }[]> {
  return (await kafka.dumpCommitted(topic)).map(({ value }) => {
    const [start, shop, orders] = new TextDecoder().decode(value!).split("|");
    return { window: `${start}|${shop}`, orders: Number(orders) };
  });
}
