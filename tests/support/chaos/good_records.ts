import type { RawRecord } from "./kafka_client.ts";
import { judge, type Order } from "./orders.ts";

/** What a job was given to read, when that is not just all that its topic has. */
export interface Given {
  readonly records: readonly RawRecord[];
  /** By partition: where a reset went, and the time of µs since 1970 that all write times are above from there on. */
  readonly resets: ReadonlyMap<number, { readonly to: number; readonly writeTime: number }>;
}

/** A record that all sinks are to get. */
export interface GoodRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly order: Omit<Order, "note">;
  /** What Cassandra's cells are to be written with, µs since 1970. */
  readonly writeTime: number;
}

/** Tells the good ones from the dead letters by the job's rules; the rest is filtered. */
export function sortRecords({ records, resets }: Given): { good: GoodRecord[]; dead: RawRecord[] } {
  const good: GoodRecord[] = [];
  const dead: RawRecord[] = [];
  const writeTimes = new Map<number, number>();
  for (const record of records) {
    const { partition, offset, timestamp, value } = record;
    const reset = resets.get(partition);
    const last = Math.max(writeTimes.get(partition) ?? 0, reset && offset >= reset.to ? reset.writeTime : 0);
    const writeTime = Math.max(timestamp * 1_000, last + 1);
    writeTimes.set(partition, writeTime);
    const judged = judge(value);
    if (judged === "dead") dead.push(record);
    else if (judged !== "filtered") {
      // There may be many: notes, and bytes, are not kept.
      const { note: _, ...order } = judged;
      good.push({ partition, offset, timestamp, order, writeTime });
    }
  }
  return { good, dead };
}

/** A record's place in its topic. */
export function placeOf({ partition, offset }: Pick<GoodRecord, "partition" | "offset">): string {
  return `${partition} ${offset}`;
}
