import assert from "node:assert/strict";
import { type GroupState, groupState, residentBytes } from "./group_watch.ts";
import type { Job } from "./job.ts";
import { Load } from "./load.ts";
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
  /** How long it lasts at least; it goes on until more has come than may be queued. */
  readonly seconds: number;
  /** Records that come in a second meanwhile: ten times as many as before and after, when the job keeps up with them. */
  readonly perSecond: number;
}

export const overloadFlags = ["--memory-bytes", `${memoryBytes}`];

/**
 * While a sink stands still and ten times as many records come as usual, memory keeps to its bound, and the group stays as
 * it is; when the sink goes on, the lag returns to nothing, under the usual load and without it.
 */
export async function overload(job: Job, weir: WeirProcess, { stall, goOn, seconds, perSecond }: Overload) {
  const usual = perSecond / 10;
  await job.produce(job.orders(5_000));
  await using load = new Load(job, usual);
  await until("it keeps up with the usual load", async () => await lagOf(weir) <= usual);
  const [group, resident] = [await groupState(job), await residentBytes(weir.pid)];
  assert.deepEqual(group.states, ["Stable", "Stable"]);
  let [mostQueued, mostResident] = [0, 0];
  let changed: GroupState | undefined;

  stall();
  const [start, before] = [performance.now(), load.produced];
  load.perSecond = perSecond;
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
    // A machine that is busy with other things takes longer for as many records.
    const isEnough = performance.now() >= start + seconds * 1_000 &&
      (load.produced - before) * recordBytes > 1.5 * (memoryBytes + underWayBytes);
    if (!isEnough) return false;
    const now = await job.positions.read();
    const still = now.every(({ next }, i) => next === position[i]!.next);
    position = now;
    return still && queued > 0;
  }, { deadlineMs: seconds * 1_000 + 120_000 });
  const lasted = (performance.now() - start) / 1_000;
  const rate = (load.produced - before) / lasted;
  const producedBytes = (load.produced - before) * recordBytes;
  assert.equal(changed, undefined, "the group has changed");
  const queuedBytes = mostQueued * recordBytes;
  assert.ok(queuedBytes <= memoryBytes + underWayBytes, `${queuedBytes} bytes were queued`);
  assert.ok(mostResident - resident <= growthBytes, `grew from ${resident} to ${mostResident} bytes`);

  load.perSecond = usual;
  goOn();
  const end = performance.now();
  let lag = Infinity;
  await until("its lag is that of a moment", async () => (lag = await lagOf(weir)) <= usual, {
    deadlineMs: 1_200_000,
    state: () => ({ lag }),
  });
  const rounded = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  console.log(
    `${lasted.toFixed(0)} s of ${rate.toFixed(0)} records/s: ${rounded(queuedBytes)} queued of ` +
      `${rounded(producedBytes)}, resident ${rounded(resident)}, at most ${
        rounded(mostResident)
      }; caught up ` +
      `${((performance.now() - end) / 1_000).toFixed(1)} s after, at ${usual} records/s`,
  );
  await load.stop();
  await job.caughtUp();
  await until("nothing is behind", async () => await lagOf(weir) === 0);
  assert.deepEqual(await groupState(job), group, "the group has changed");
}

/** Records that wait in both of the job's topics. */
function lagOf(weir: WeirProcess): Promise<number> {
  return weir.until(
    "it tells its lag",
    ({ pipelines }) =>
      pipelines.length < 2 || pipelines.some(({ partitions }) => partitions.length === 0)
        ? undefined
        : pipelines.flatMap(({ partitions }) => partitions).reduce((sum, { lag }) => sum + lag, 0),
  );
}

/** The group as it is now, if it is not as it was. */
async function change(job: Job, before: GroupState): Promise<GroupState | undefined> {
  const now = await groupState(job);
  return JSON.stringify(now) === JSON.stringify(before) ? undefined : now;
}
