import assert from "node:assert/strict";
import { extent, full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { Moments } from "../support/chaos/moments.ts";
import { Supervisor } from "../support/chaos/supervisor.ts";
import { until } from "../support/chaos/until.ts";
import type { Seeded } from "../support/seeded.ts";

/** A job's number of processes, and how many kills there are to be. */
interface KilledJob {
  readonly processes: number;
  readonly kills: number;
}

/**
 * Jobs that run at the same time: a killed process is a member of its group until its session has timed out, 6 s later,
 * and other jobs can use that time.
 */
const rounds = extent<readonly (readonly KilledJob[])[]>({
  short: [[{ processes: 1, kills: 2 }, { processes: 3, kills: 3 }]],
  full: [
    Array.from({ length: 4 }, () => ({ processes: 1, kills: 25 })),
    Array.from({ length: 2 }, () => ({ processes: 3, kills: 50 })),
  ],
});

/** More than the ten seconds for which a partition stays idle whose owner is gone, so that windows close and nothing is late. */
const latenessMs = 20_000;

const described = rounds.flat().map(({ processes, kills }) => `${kills} with ${processes}`).join(", ");
const scenario = `kills at any moment lose and repeat nothing: ${described} processes at once`;

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  const random = seeded(scenario);
  const moments = new Moments(random);
  for (const jobs of rounds) await Promise.all(jobs.map((job) => killUnderLoad(random, moments, job)));
  const hit = [...moments.kills].filter(([, count]) => count > 0);
  console.log(Object.fromEntries(hit));
  const missed = [...moments.kills.keys()].filter((moment) => moments.kills.get(moment) === 0);
  if (full) assert.deepEqual(missed, [], "nobody was killed at these");
});

async function killUnderLoad(
  random: Seeded,
  moments: Moments,
  { processes, kills }: KilledJob,
): Promise<void> {
  await using job = await Job.open({ random, latenessMs });
  job.positions.start();
  await using supervisor = new Supervisor(job, moments, processes, kills);
  await using load = new Load(job, 300);
  await until(
    `there were ${kills} kills`,
    () => supervisor.failure !== undefined || supervisor.killed >= kills,
    { deadlineMs: kills * 60_000, state: () => [...moments.kills] },
  );
  assert.equal(supervisor.failure, undefined);
  await load.stop();
  await job.closeWindows();
  await supervisor.settle();
  await job.caughtUp();
  // What waits for a topic or for Cassandra is delivered by processes that run.
  const found = await job.check();
  await supervisor.stop();
  assert.ok(found.good > 0 && found.dead > 0 && found.filtered > 0, JSON.stringify(found));
  console.log(`${supervisor.killed} kills, ${JSON.stringify(found)}, ${job.positions.samples} samples`);
}
