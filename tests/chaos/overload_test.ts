import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { overload, overloadFlags } from "../support/chaos/overload.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const { seconds, perSecond } = extent({
  short: { seconds: 5, perSecond: 5_000 },
  full: { seconds: 300, perSecond: 2_000 },
});
const scenario =
  `${seconds} s of ten times the load without Cassandra's answers cost no memory and no rebalance, and are made up for`;

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  await using job = await Job.open({ random: seeded(scenario) });
  using proxy = new TcpProxy(job.servers.cassandra);
  const through = { cassandra: `127.0.0.1:${proxy.port}` };
  await using weir = job.start({ through, flags: overloadFlags });
  job.positions.start();
  await overload(job, weir, {
    stall: () => proxy.stall(),
    goOn: () => proxy.flow(),
    seconds,
    perSecond,
  });
  await job.closeWindows();
  await job.caughtUp();
  await job.check();
  assert.equal(await weir.stop(), 0);
});
