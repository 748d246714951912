import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { underLoad } from "../support/chaos/under_load.ts";
import { KafkaProxy } from "../support/kafka_proxy.ts";
import { PostgresProxy } from "../support/postgres_proxy.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const faults = ["reset", "cut", "stall", "delay"] as const;
type Fault = typeof faults[number] | "halve open";

/** How many of the faults are half-open connections, which take up to a minute to be found out. */
const halfOpen = extent({ short: 0, full: 0.1 });
const jobs = extent<readonly { readonly client: "kafkajs" | "platformatic"; readonly rounds: number }[]>({
  short: [{ client: "kafkajs", rounds: 8 }],
  full: [{ client: "kafkajs", rounds: 50 }, { client: "platformatic", rounds: 50 }],
});

for (const { client, rounds } of jobs) {
  const scenario =
    `${rounds} times that connections to any of the servers break, hang or slow down lose nothing (${client})`;

  Deno.test({ name: scenario, ignore: !haveServers }, async () => {
    const random = seeded(scenario);
    await using job = await Job.open({ random });
    using kafka = new KafkaProxy(job.servers.kafka);
    using cassandra = new TcpProxy(job.servers.cassandra);
    using postgres = new PostgresProxy(job.servers.postgres);
    await using weir = job.start({
      client,
      through: { kafka: kafka.address, cassandra: cassandra.address, postgres: postgres.url },
    });
    const counts = new Map<Fault, number>();
    const found = await underLoad(job, async () => {
      for (let round = 0; round < rounds; round++) {
        const fault = random.chance(halfOpen) ? "halve open" : faults[round % faults.length]!;
        counts.set(fault, (counts.get(fault) ?? 0) + 1);
        await breakFor(random.integer(0, 1_500), random.pick([kafka, cassandra, postgres]), fault);
        // Some faults come while the one before is still being got over, others when all is well again.
        if (random.chance(0.3)) await job.caughtUp();
      }
    });
    console.log(`${JSON.stringify(Object.fromEntries(counts))}, ${JSON.stringify(found)}`);
    assert.equal(await weir.stop(), 0);
  });
}

async function breakFor(milliseconds: number, proxy: TcpProxy, fault: Fault): Promise<void> {
  if (fault === "reset") proxy.reset();
  else if (fault === "cut") proxy.cut();
  else if (fault === "stall") proxy.stall();
  else if (fault === "halve open") proxy.halveOpen();
  else proxy.delay = Math.max(1, milliseconds / 8);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  if (fault === "cut") proxy.join();
  if (fault === "stall") proxy.flow();
  proxy.delay = 0;
}
