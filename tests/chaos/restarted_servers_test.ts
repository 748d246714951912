import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job, sharedServers } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { type OwnRole, OwnServers } from "../support/chaos/own_servers.ts";

/** Until the lag is gone after a server answers again, in milliseconds. */
const boundMs = 30_000;

interface Crash {
  readonly role: OwnRole;
  readonly client: "kafkajs" | "platformatic";
}

const crashes: readonly Crash[] = [
  { role: "kafka", client: "kafkajs" },
  { role: "kafka", client: "platformatic" },
  { role: "cassandra", client: "kafkajs" },
  { role: "postgres", client: "kafkajs" },
];

for (const { role, client } of crashes) {
  const scenario =
    `${role} crashes under load and comes back: the job catches up, with nothing lost (${client})`;

  Deno.test({ name: scenario, ignore: !haveServers || !full }, async () => {
    const random = seeded(scenario);
    await using servers = await OwnServers.start([role]);
    await using job = await Job.open({ random, servers: { ...sharedServers(), ...servers.addresses } });
    await using weir = job.start({ client });
    job.positions.start();
    await job.produce(job.orders(2_000));
    await job.caughtUp();

    const load = new Load(job, 300);
    const server = servers.of(role);
    for (let round = 0; round < 2; round++) {
      await server.crash();
      const state = await weir.until(
        "it says that it stands still, and why",
        ({ pipelines: [orders] }) => orders?.state === "stalled" ? orders : undefined,
      );
      await server.restart();
      const back = performance.now();
      // Beside the load, which may itself still be waiting for Kafka.
      await job.produce(job.orders(300));
      await job.caughtUp(boundMs);
      const seconds = ((performance.now() - back) / 1_000).toFixed(1);
      console.log(
        `${role}, ${client}: caught up ${seconds} s after it answered again; was "${state.reason}"`,
      );
      await weir.until("it runs", ({ pipelines: [orders] }) => orders?.state === "running" || undefined);
    }
    await load.stop();
    await job.caughtUp();
    const found = await job.check();
    assert.ok(found.good > 2_000 * 0.8, JSON.stringify(found));
    assert.equal(await weir.stop(), 0);
  });
}
