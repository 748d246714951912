import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job, sharedServers } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { OwnServers } from "../support/chaos/own_servers.ts";
import { SmallDisk } from "../support/chaos/small_disk.ts";

const scenario =
  "a full disk of Postgres stalls the job and makes no dead letters; when it is freed, the job goes on";

/** Postgres on a tmpfs of 384 MB, which is filled by another file. */
Deno.test({ name: scenario, ignore: !haveServers || !full || !SmallDisk.available }, async () => {
  const random = seeded(scenario);
  await using disk = await SmallDisk.mount(384);
  await Deno.mkdir(`${disk.path}/postgres`, { mode: 0o711 });
  await using servers = await OwnServers.start(["postgres"], { postgres: `${disk.path}/postgres` });
  await using job = await Job.open({ random, servers: { ...sharedServers(), ...servers.addresses } });
  await using weir = job.start();
  job.positions.start();
  await job.produce(job.orders(2_000));
  await job.caughtUp();

  const load = new Load(job, 1_000);
  await disk.fill();
  const { reason } = await weir.until(
    "it says that it stands still, and why",
    ({ pipelines: [orders] }) => orders?.state === "stalled" ? orders : undefined,
  );
  console.log(`it stalls by "${reason}"`);
  await disk.free();
  await servers.of("postgres").revive();
  const back = performance.now();
  await job.caughtUp();
  console.log(`caught up ${((performance.now() - back) / 1_000).toFixed(1)} s after the disk was freed`);
  await load.stop();
  await job.caughtUp();
  const found = await job.check();
  assert.ok(found.good > 2_000 * 0.8, JSON.stringify(found));
  assert.equal(await weir.stop(), 0);
});
