import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
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

for (const jobs of rounds) {
  const described = jobs.map(({ processes, kills }) => `${kills} with ${processes}`).join(", ");
  const scenario = `kills at any moment lose and repeat nothing: ${described} processes at once`;

  Deno.test({ name: scenario, ignore: !haveServers }, async () => {
    const random = seeded(scenario);
    const killed = await Promise.all(jobs.map((each) => killUnderLoad(random, each)));
    const moments = new Map<string, number>();
    for (const kills of killed) {
      for (const [moment, count] of kills) moments.set(moment, (moments.get(moment) ?? 0) + count);
    }
    console.log(Object.fromEntries(moments));
  });
}

/** Gives how often a process was killed at each moment. */
async function killUnderLoad(random: Seeded, { processes, kills }: KilledJob): Promise<Map<string, number>> {
  await using job = await Job.open({ random });
  job.positions.start();
  await using supervisor = new Supervisor(job, processes, kills);
  const load = new Load(job, 300);
  await until(
    `there were ${kills} kills`,
    () => supervisor.failure !== undefined || supervisor.killed >= kills,
    { deadlineMs: kills * 60_000, state: () => [...supervisor.kills] },
  );
  assert.equal(supervisor.failure, undefined);
  await load.stop();
  await job.caughtUp();
  // What waits for a topic or for Cassandra is delivered by processes that run.
  const found = await job.check();
  await supervisor.stop();
  assert.ok(found.good > 0 && found.dead > 0 && found.filtered > 0, JSON.stringify(found));
  console.log(`${supervisor.killed} kills, ${JSON.stringify(found)}, ${job.positions.samples} samples`);
  return supervisor.kills;
}
