import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";
import { KafkaProxy } from "../support/kafka_proxy.ts";
import { PostgresProxy } from "../support/postgres_proxy.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

/** Until records flow again: what the README promises, and time to do it on a busy machine. */
const peers = [
  { role: "postgres", client: "kafkajs", boundMs: 75_000 },
  { role: "cassandra", client: "kafkajs", boundMs: 30_000 },
  { role: "kafka", client: "kafkajs", boundMs: 45_000 },
  { role: "kafka", client: "platformatic", boundMs: 90_000 },
] as const;

const proxyTo = {
  postgres: (address: string) => new PostgresProxy(address),
  cassandra: (address: string) => new TcpProxy(address),
  kafka: (address: string) => new KafkaProxy(address),
};

for (const { role, client, boundMs } of peers) {
  const scenario = `a ${role} that is gone without a word from all connections is found again (${client})`;

  Deno.test({ name: scenario, ignore: !haveServers || !full }, async () => {
    await using job = await Job.open({ random: seeded(scenario) });
    using proxy = proxyTo[role](job.servers[role]);
    const through = role === "postgres" ? `postgres://${proxy.address}` : proxy.address;
    await using weir = job.start({ through: { [role]: through }, client });
    job.positions.start();
    await job.produce(job.orders(100));
    await job.caughtUp();

    const load = new Load(job, 300);
    await job.caughtUp();
    proxy.halveOpen();
    const start = performance.now();
    // Above all that is on the way already.
    await job.produce(job.orders(300));
    await job.caughtUp(boundMs);
    console.log(
      `${role}, ${client}: records flow again ${((performance.now() - start) / 1_000).toFixed(1)} s after`,
    );
    await load.stop();
    await job.caughtUp();
    const found = await job.check();
    assert.ok(found.good > 300, JSON.stringify(found));
    assert.equal(await weir.stop(), 0);
  });
}
