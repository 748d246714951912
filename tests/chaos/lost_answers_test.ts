/** The request is done, and nobody is told: what a process makes of it while records go on coming. */
import assert from "node:assert/strict";
import { CassandraProxy } from "../support/cassandra_proxy.ts";
import { extent, full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { underLoad } from "../support/chaos/under_load.ts";
import type { Loss } from "../support/frame_proxy.ts";
import { KafkaProxy } from "../support/kafka_proxy.ts";
import { PostgresProxy } from "../support/postgres_proxy.ts";

/** Until an answer that does not come counts as lost, and the records go on, in milliseconds: see the README. */
const deadlineMs = 60_000;

const commit = "a COMMIT whose answer is lost is neither made twice nor waited for";

Deno.test({ name: commit, ignore: !haveServers }, async () => {
  await using job = await Job.open({ random: seeded(commit) });
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
  assert.equal(await weir.stop(), 0);
});

const losses = extent<readonly Loss[]>({
  short: ["cut", "cut", "cut"],
  full: [...Array<Loss>(8).fill("cut"), "silence", "silence"],
});

for (const client of ["kafkajs", "platformatic"] as const) {
  const scenario =
    `a Kafka transaction whose end has no answer is in the topics once, ${losses.length} times (${client})`;

  Deno.test({ name: scenario, ignore: !haveServers }, async () => {
    await using job = await Job.open({ random: seeded(scenario) });
    using proxy = new KafkaProxy(job.servers.kafka);
    await using weir = job.start({ through: { kafka: proxy.address }, client });
    await underLoad(job, async () => {
      for (const by of losses) {
        await proxy.lose("endTxn", job.random.integer(0, 5), by);
        await job.caughtUp(deadlineMs);
      }
    });
    assert.equal(proxy.lost, losses.length);
    assert.equal(await weir.stop(), 0);
  });

  const others = "each request of a Kafka transaction loses its answer, and the topics have everything once";

  Deno.test({ name: `${others} (${client})`, ignore: !haveServers || !full }, async () => {
    await using job = await Job.open({ random: seeded(others) });
    using proxy = new KafkaProxy(job.servers.kafka);
    await using weir = job.start({ through: { kafka: proxy.address }, client });
    await underLoad(job, async () => {
      for (const by of ["cut", "silence"] as const) {
        for (const request of ["produce", "addOffsetsToTxn", "txnOffsetCommit", "endTxn"] as const) {
          await proxy.lose(request, 0, by);
          await job.caughtUp(deadlineMs);
        }
      }
    });
    assert.equal(await weir.stop(), 0);
  });
}

const writes =
  `a write to Cassandra whose answer is lost ends as its key's latest record, ${losses.length} times`;

Deno.test({ name: writes, ignore: !haveServers }, async () => {
  await using job = await Job.open({ random: seeded(writes) });
  using proxy = new CassandraProxy(job.servers.cassandra);
  await using weir = job.start({ through: { cassandra: proxy.address } });
  await underLoad(job, async () => {
    for (const by of losses) {
      await proxy.lose("batch", by, job.random.integer(0, 5));
      await job.caughtUp(deadlineMs);
    }
  });
  assert.equal(proxy.lost, losses.length);
  assert.equal(await weir.stop(), 0);
});
