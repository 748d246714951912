import assert from "node:assert/strict";
import { seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { PostgresProxy } from "../support/postgres_proxy.ts";

const scenario = "a COMMIT whose answer is lost is neither made twice nor waited for";

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  await using job = await Job.open({ random: seeded(scenario) });
  using proxy = new PostgresProxy(job.servers.postgres);
  await using weir = job.start({ through: { postgres: proxy.url } });
  job.positions.start();
  await job.produce(job.orders(200));
  await job.caughtUp();

  for (let round = 0; round < 5; round++) {
    const lost = proxy.lose({ after: "weir.advance", holding: "COMMIT" });
    await job.produce(job.orders(500));
    await lost;
    await job.caughtUp();
  }

  const found = await job.check();
  assert.ok(found.good > 2_000, JSON.stringify(found));
  const { records } = await weir.until(
    "it has counted all",
    ({ pipelines: [orders] }) =>
      orders && orders.records.in === found.good + found.filtered + found.dead ? orders : undefined,
  );
  assert.deepEqual([records.out, records.filtered, records.deadLettered], [
    found.good,
    found.filtered,
    found.dead,
  ]);
  assert.equal(await weir.stop(), 0);
});
