import assert from "node:assert/strict";
import { full, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import { Load } from "../support/chaos/load.ts";

const test = (name: string, run: (name: string) => Promise<void>, ignore = false) =>
  Deno.test({ name, ignore: ignore || !haveServers }, () => run(name));

test("records removed before they were read end the job with what was lost, and it goes on when it is told where", async (name) => {
  await using job = await Job.open({ random: seeded(name) });
  await using first = job.start();
  job.positions.start();
  await job.produce(job.orders(500));
  await job.caughtUp();
  assert.equal(await first.stop(), 0);
  const positions = await job.positions.read();
  await job.produce(job.orders(500));
  const produced = await job.kafka.dump(job.name);
  const removed = positions.map(({ partition, next }) => ({ partition, offset: `${next + 10}` }));
  await job.kafka.admin.deleteTopicRecords({ topic: job.name, partitions: removed });

  await using second = job.start();
  assert.equal((await second.ended).code, 1);
  assert.match(second.printed(), /retention has removed the records from \d+ to \d+ before they were read/);
  assert.match(second.printed(), /weir offsets reset \S+ --to earliest/);

  await job.command("offsets", "reset", `${job.folder}/orders.ts`, "--to", "earliest");
  const rows = await job.database.query(
    "select partition::text, next_offset::text, write_time::text from weir.positions",
  );
  const resets = new Map(
    rows.map((row) => [
      Number(row.partition),
      { to: Number(row.next_offset), writeTime: Number(row.write_time) },
    ]),
  );
  await using third = job.start();
  await job.caughtUp();
  const lost = (partition: number, at: number) => {
    const next = positions[partition]!.next;
    return next <= at && at < next + 10;
  };
  const records = produced.filter(({ partition, offset }) => !lost(partition, offset));
  assert.equal(records.length, 1_000 - 4 * 10);
  assert.ok((await job.check({ records, resets })).good > 800);
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
