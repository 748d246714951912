import assert from "node:assert/strict";
import { extent, full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const rounds = extent({ short: 4, full: 100 });
const scenario =
  `${rounds} times that connections to Cassandra and Postgres break, hang or slow down lose nothing`;

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  const random = seeded(scenario);
  await using job = await Job.open({ random });
  using cassandra = new TcpProxy(job.servers.cassandra);
  using postgres = new TcpProxy(new URL(job.servers.postgres).host);
  await using weir = job.start({
    through: { cassandra: `127.0.0.1:${cassandra.port}`, postgres: `postgres://127.0.0.1:${postgres.port}` },
  });
  job.positions.start();
  await job.produce(job.orders(100));
  await job.caughtUp();

  const load = new Load(job, 300);
  for (let round = 0; round < rounds; round++) {
    const proxy = random.pick([cassandra, postgres]);
    const lasts = random.integer(0, 1_500);
    const fault = random.integer(0, 3);
    if (fault === 0) proxy.reset();
    else if (fault === 1) proxy.cut();
    else if (fault === 2) proxy.stall();
    else proxy.delay = random.integer(1, 200);
    await new Promise((resolve) => setTimeout(resolve, lasts));
    if (fault === 1) proxy.join();
    if (fault === 2) proxy.flow();
    proxy.delay = 0;
    // Some faults come while the one before is still being got over, others when all is well again.
    if (random.chance(0.3)) await job.caughtUp();
  }
  await load.stop();
  await job.caughtUp();
  const found = await job.check();
  assert.ok(found.good > 100, JSON.stringify(found));
  assert.equal(await weir.stop(), 0);
});

const silent =
  "a Postgres that is gone without a word is given up after a minute, and what it had done is found out";

Deno.test({ name: silent, ignore: !haveServers || !full }, async () => {
  await using job = await Job.open({ random: seeded(silent) });
  using proxy = new TcpProxy(new URL(job.servers.postgres).host);
  await using weir = job.start({ through: { postgres: `postgres://127.0.0.1:${proxy.port}` } });
  job.positions.start();
  await job.produce(job.orders(100));
  await job.caughtUp();
  const load = new Load(job, 300);
  proxy.stall();
  await weir.until(
    "it has given the connection up",
    ({ pipelines: [orders] }) =>
      orders?.sinks.some(({ lastError = "" }) => /did not answer within 60000 ms/.test(lastError)) ||
      undefined,
  );
  proxy.flow();
  await load.stop();
  await job.caughtUp();
  await job.check();
  assert.equal(await weir.stop(), 0);
});
