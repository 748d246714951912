import assert from "node:assert/strict";
import type { Found } from "./invariants.ts";
import type { Job } from "./job.ts";
import { Load } from "./load.ts";

/** Has something go wrong while 300 records a second come, and counts everything when the job has caught up. */
export async function underLoad(job: Job, goWrong: () => Promise<void>): Promise<Found> {
  job.positions.start();
  await using load = new Load(job, 300);
  await job.caughtUp();
  await goWrong();
  await load.stop();
  await job.closeWindows();
  await job.caughtUp();
  const found = await job.check();
  assert.ok(found.good > 100, JSON.stringify(found));
  return found;
}
