/** What must hold behind the job's repartition, where the orders of each shop are numbered by a state. */
import assert from "node:assert/strict";
import { type GoodRecord, placeOf } from "./good_records.ts";
import type { Job } from "./job.ts";
import type { Snapshot } from "./position_watch.ts";
import { assertSameLines } from "./same_lines.ts";
import { until } from "./until.ts";

/** An order by its place in the job's topic. */
interface Placed {
  readonly shop: string;
  readonly partition: number;
  readonly offset: number;
}

interface Numbered extends Placed {
  readonly number: number;
}

/**
 * Each good record has passed the repartition once, and has a number of its own: 1 to n for each shop, without a gap, in the
 * order that the records of each partition had. The table, the topic and the state say the same.
 *
 * @param snapshots At any moment what was numbered was what came before the positions behind the repartition.
 */
export async function checkNumbers(
  job: Job,
  good: readonly GoodRecord[],
  snapshots: readonly Snapshot[],
): Promise<void> {
  const rows = await tableOf(job, good.length);
  const expected = good.map(({ order: { shop }, ...record }) => `${shop} ${placeOf(record)}`);
  const place = ({ shop, ...record }: Placed) => `${shop} ${placeOf(record)}`;
  assertSameLines("orders that are numbered", rows.map(place), expected);
  const last = checkOrder("the table", rows);

  const line = (row: Numbered) => `${place(row)} ${row.number}`;
  const published = await topicOf(job, good.length);
  assertSameLines("numbers in the topic", published.map(line), rows.map(line));
  checkOrder("the topic", published);

  const states = await job.database.query("select key::jsonb #>> '{}' as shop, value from weir.state");
  assertSameLines(
    "states",
    states.map(({ shop, value }) => `${shop} ${value}`),
    [...last].map(([shop, number]) => `${shop} ${number}`),
  );

  const passed = (await job.kafka.dumpCommitted(job.byShop)).map(({ partition, offset, value }) => {
    return { at: { partition, offset }, order: JSON.parse(new TextDecoder().decode(value!)) as Placed };
  });
  assertSameLines("orders that have passed", passed.map(({ order }) => place(order)), expected);
  checkSnapshots(snapshots, passed.map(({ at }) => at));
}

/** The rows of the table, by shop and number. */
async function tableOf({ database }: Job, count: number): Promise<Numbered[]> {
  let rows: Record<string, string | null>[] = [];
  await until("all orders are numbered", async () => {
    const [{ there } = {}] = await database.query("select count(*)::text as there from numbered");
    if (Number(there) < count) return false;
    rows = await database.query(
      "select shop, number::text, partition::text, at::text from numbered order by shop, numbered.number",
    );
    return true;
  }, { state: () => ({ expected: count }) });
  return rows.map(({ shop, number, partition, at }) => ({
    shop: shop!,
    number: Number(number),
    partition: Number(partition),
    offset: Number(at),
  }));
}

/** What a `read_committed` reader sees of the topic, in the order of each shop. */
async function topicOf({ kafka, numbered }: Job, count: number): Promise<Numbered[]> {
  let records: Numbered[] = [];
  await until("all numbers are delivered", async () => {
    records = (await kafka.dumpCommitted(numbered)).map(({ value }) =>
      JSON.parse(new TextDecoder().decode(value!))
    );
    return records.length >= count;
  }, { state: () => ({ delivered: records.length, of: count }) });
  return records;
}

/** Gives the last number of each shop. */
function checkOrder(where: string, rows: readonly Numbered[]): Map<string, number> {
  const last = new Map<string, number>();
  const offsets = new Map<string, number>();
  const wrong: string[] = [];
  for (const { shop, number, partition, offset } of rows) {
    const source = `${shop} from partition ${partition}`;
    if (number !== (last.get(shop) ?? 0) + 1) wrong.push(`${shop}: ${number} after ${last.get(shop)}`);
    if (offset <= (offsets.get(source) ?? -1)) {
      wrong.push(`${source}: offset ${offset} after ${offsets.get(source)}`);
    }
    last.set(shop, number);
    offsets.set(source, offset);
  }
  assert.deepEqual(wrong.slice(0, 5), [], `the order of numbers in ${where}`);
  return last;
}

function checkSnapshots(
  snapshots: readonly Snapshot[],
  passed: readonly { readonly partition: number; readonly offset: number }[],
): void {
  const wrong = snapshots.filter(({ behind, numbered }) => {
    const next = new Map(behind.map((each) => [each.partition, each.next]));
    return numbered !== passed.filter(({ partition, offset }) => offset < (next.get(partition) ?? 0)).length;
  });
  assert.deepEqual(wrong, [], "what was numbered was not what came before the positions");
}
