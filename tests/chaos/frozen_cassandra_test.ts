import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job, sharedServers } from "../support/chaos/job.ts";
import { overload, overloadFlags } from "../support/chaos/overload.ts";
import { OwnServers } from "../support/chaos/own_servers.ts";

const seconds = 300;
const scenario =
  `${seconds} s of ten times the load with a Cassandra that is frozen cost no memory and no rebalance, and are made up for`;

Deno.test({ name: scenario, ignore: !haveServers || !full }, async () => {
  const random = seeded(scenario);
  await using servers = await OwnServers.start(["cassandra"]);
  await using job = await Job.open({ random, servers: { ...sharedServers(), ...servers.addresses } });
  await using weir = job.start({ flags: overloadFlags });
  job.positions.start();
  const cassandra = servers.of("cassandra");
  await overload(job, weir, {
    stall: () => cassandra.freeze(),
    goOn: () => cassandra.thaw(),
    seconds,
    perSecond: 2_000,
  });
  await job.closeWindows();
  await job.caughtUp();
  await job.check();
  assert.equal(await weir.stop(), 0);
});
