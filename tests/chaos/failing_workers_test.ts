import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { faultyOrder, workerFaults } from "../support/chaos/orders.ts";
import { underLoad } from "../support/chaos/under_load.ts";

const rounds = extent({ short: 3, full: 20 });
const scenario = `${rounds} times that a worker throws, hangs or ends under load lose and repeat nothing`;

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  const random = seeded(scenario);
  await using job = await Job.open({ random });
  await using weir = job.start({ flags: ["--workers", "2", "--worker-timeout-ms", "2000"] });
  const found = await underLoad(job, async () => {
    for (let round = 0; round < rounds; round++) {
      const before = await restarts();
      // Each kind comes, and those after them come in any order.
      const fault = workerFaults[round] ?? random.pick(workerFaults);
      const file = `${job.folder}/${fault}-${round}`;
      await Deno.writeTextFile(file, "");
      await job.produce([faultyOrder(random, `faulty order ${round}`, fault, `./${fault}-${round}`)]);
      await weir.until(
        `a worker that is to ${fault} is replaced`,
        ({ workers }) => sum(workers) > before || undefined,
      );
      await Deno.remove(file);
      if (random.chance(0.5)) await job.caughtUp();
    }
  });
  console.log(`${await restarts()} workers were replaced, ${JSON.stringify(found)}`);
  assert.equal(await weir.stop(), 0);

  function sum(workers: readonly { readonly restarts: number }[]): number {
    return workers.reduce((all, each) => all + each.restarts, 0);
  }

  function restarts(): Promise<number> {
    return weir.until("it answers", ({ workers }) => sum(workers));
  }
});
