import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { judge } from "../support/chaos/orders.ts";
import { Load } from "../support/chaos/load.ts";

const test = (name: string, run: (name: string) => Promise<void>, ignore = false) =>
  Deno.test({ name, ignore: ignore || !haveServers }, () => run(name));

test("records removed before they were read end the job with what was lost, and it goes on when it is told where", async (name) => {
  await using job = await Job.open({ random: seeded(name) });
  await using first = job.start();
  await job.produce(job.orders(500));
  await job.caughtUp();
  assert.equal(await first.stop(), 0);
  const positions = await job.positions.read();
  await job.produce(job.orders(500));
  const removed = positions.map(({ partition, next }) => ({ partition, offset: `${next + 10}` }));
  await job.kafka.admin.deleteTopicRecords({ topic: job.name, partitions: removed });

  await using second = job.start();
  assert.equal((await second.ended).code, 1);
  assert.match(second.printed(), /retention has removed the records from \d+ to \d+ before they were read/);
  assert.match(second.printed(), /weir offsets reset \S+ --to earliest/);

  await job.command("offsets", "reset", `${job.folder}/orders.ts`, "--to", "earliest");
  await using third = job.start();
  await job.caughtUp();
  const left = (await job.kafka.dump(job.name)).map(({ value }) => judge(value));
  const ids = left.flatMap((order) => typeof order === "string" ? [] : [order.id]);
  const applied = await job.database.query("select id, times::text from applied");
  const times = new Map(applied.map((row) => [row.id!, row.times]));
  assert.ok(ids.length > 300);
  assert.deepEqual(ids.filter((id) => times.get(id) !== "1"), [], "all that is left is applied once");
  assert.equal(await third.stop(), 0);
});

test("a topic made anew under a running job ends it with the offset that is not there", async (name) => {
  await using job = await Job.open({ random: seeded(name) });
  await using weir = job.start();
  await job.produce(job.orders(500));
  await job.caughtUp();
  await job.kafka.admin.deleteTopics({ topics: [job.name] });
  await job.kafka.createTopic(job.name, 4);
  assert.equal((await weir.ended).code, 1);
  assert.match(weir.printed(), /ends at 0: the topic was truncated or made anew/);
});

test("partitions added under load are read from their start", async (name) => {
  await using job = await Job.open({ random: seeded(name) });
  await using weir = job.start();
  job.positions.start();
  const load = new Load(job, 300);
  await weir.until("it runs", ({ pipelines: [orders] }) => orders?.state === "running" || undefined);
  await job.kafka.admin.createPartitions({ topicPartitions: [{ topic: job.name, count: 6 }] });
  await weir.until(
    "it has the new ones",
    ({ pipelines: [orders] }) =>
      orders?.partitions.filter(({ worker }) => worker !== null).length === 6 || undefined,
  );
  await load.stop();
  await job.caughtUp();
  await job.check();
  assert.ok((await job.positions.read()).every(({ next }) => next > 0));
  assert.equal(await weir.stop(), 0);
}, !full);
