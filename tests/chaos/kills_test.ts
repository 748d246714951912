import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { Supervisor } from "../support/chaos/supervisor.ts";
import { until } from "../support/chaos/until.ts";

/**
 * A killed process is a member of its group until its session has timed out, 6 s later, so a job of one process takes
 * about 8 s for a kill: several jobs at once use that time.
 */
const settings = [
  { processes: 1, jobs: extent({ short: 1, full: 4 }), kills: extent({ short: 2, full: 25 }) },
  { processes: 3, jobs: extent({ short: 1, full: 2 }), kills: extent({ short: 3, full: 50 }) },
];

for (const { processes, jobs, kills } of settings) {
  const scenario = `${jobs * kills} kills at any moment lose and repeat nothing, ${processes} process${
    processes === 1 ? "" : "es"
  } a job`;

  Deno.test({ name: scenario, ignore: !haveServers }, async () => {
    const random = seeded(scenario);
    const killed = await Promise.all(Array.from({ length: jobs }, async () => {
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
      await supervisor.stop();
      const found = await job.check();
      assert.ok(found.good > 0 && found.dead > 0 && found.filtered > 0, JSON.stringify(found));
      console.log(`${supervisor.killed} kills, ${JSON.stringify(found)}, ${job.positions.samples} samples`);
      return supervisor.kills;
    }));
    console.log(Object.fromEntries(
      killed.flatMap((each) => [...each]).reduce(
        (sums, [moment, count]) => sums.set(moment, (sums.get(moment) ?? 0) + count),
        new Map<string, number>(),
      ),
    ));
  });
}
