import assert from "node:assert/strict";
import { type GroupState, groupState, residentBytes } from "./group_watch.ts";
import type { Job } from "./job.ts";
import type { WeirProcess } from "../weir_process.ts";
import { until } from "./until.ts";

/** About what a record of {@linkcode Job.orders} takes, in bytes. */
const recordBytes = 390;
/** The limit of records between fetch and commit that the process is given. */
const memoryBytes = 2 * 1024 * 1024;
/** What fetches that are under way bring after a pause: for each of four partitions, see `src/log/brokers.ts`. */
const underWayBytes = 4 * 1024 * 1024;
/** What the process may grow by beside the records: for the clients' buffers, encoded rows, and what awaits the GC. */
const growthBytes = 200 * 1024 * 1024;

export interface Overload {
  /** Stops what the pipeline writes to, without a word. */
  readonly stall: () => void;
  readonly goOn: () => void;
  /** How long it lasts. */
  readonly seconds: number;
  /** How many records wait meanwhile; far more than fit into the limit. */
  readonly records: number;
}

export const overloadFlags = ["--memory-bytes", `${memoryBytes}`];

/** While a sink stands still and records pile up: memory keeps to its bound, and the group stays as it is. */
export async function overload(job: Job, weir: WeirProcess, { stall, goOn, seconds, records }: Overload) {
  assert.ok(records * recordBytes > 1.5 * (memoryBytes + underWayBytes), "the limit must be reached");
  await job.produce(job.orders(5_000));
  await job.caughtUp();
  const [group, resident] = [await groupState(job), await residentBytes(weir.pid)];
  assert.equal(group.state, "Stable");
  let [mostQueued, mostResident] = [0, 0];
  let changed: GroupState | undefined;

  stall();
  await job.produce(job.orders(records));
  const end = performance.now() + seconds * 1_000;
  let position = await job.positions.read();
  await until("it has stood still for long enough", async () => {
    const queued = await weir.until(
      "it answers",
      ({ pipelines: [orders] }) => orders?.partitions.reduce((sum, partition) => sum + partition.queued, 0),
    );
    mostQueued = Math.max(mostQueued, queued);
    mostResident = Math.max(mostResident, await residentBytes(weir.pid));
    changed ??= await change(job, group);
    if (changed !== undefined) return true;
    if (performance.now() < end) return false;
    const now = await job.positions.read();
    const still = now.every(({ next }, i) => next === position[i]!.next);
    position = now;
    return still && queued > 0;
  }, { deadlineMs: seconds * 1_000 + 120_000 });
  assert.equal(changed, undefined, "the group has changed");
  const queuedBytes = mostQueued * recordBytes;
  assert.ok(queuedBytes <= memoryBytes + underWayBytes, `${queuedBytes} bytes were queued`);
  assert.ok(mostResident - resident <= growthBytes, `grew from ${resident} to ${mostResident} bytes`);

  goOn();
  const start = performance.now();
  await job.caughtUp();
  const rounded = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  console.log(
    `${seconds} s: ${rounded(queuedBytes)} queued of ${rounded(records * recordBytes)}, resident ` +
      `${rounded(resident)}, at most ${rounded(mostResident)}; caught up ` +
      `${((performance.now() - start) / 1_000).toFixed(1)} s after`,
  );
  assert.deepEqual(await groupState(job), group, "the group has changed");
}

/** The group as it is now, if it is not as it was. */
async function change(job: Job, before: GroupState): Promise<GroupState | undefined> {
  const now = await groupState(job);
  return JSON.stringify(now) === JSON.stringify(before) ? undefined : now;
}
