import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { overload, overloadFlags } from "../support/chaos/overload.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const seconds = extent({ short: 3, full: 300 });
const scenario =
  `${seconds} s without Cassandra's answers cost no memory and no rebalance, and are made up for`;

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
    records: extent({ short: 25_000, full: 100_000 }),
  });
  await job.check();
  assert.equal(await weir.stop(), 0);
});
