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
    `select partition::text, next_offset::text, write_time::text from weir.positions where topic = '${job.name}'`,
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
  assert.match(
    weir.printed(),
    /at offset \d+( and \d more partitions)?: the topic was deleted and made anew/,
  );
});

for (const client of ["kafkajs", "platformatic"] as const) {
  test(`${client}: a topic made anew that has grown beyond the positions ends the job, and is read when that is told`, async (name) => {
    await using job = await Job.open({ random: seeded(name) });
    await using first = job.start({ client });
    await job.produce(job.orders(200));
    await job.caughtUp();
    assert.equal(await first.stop(), 0);
    const positions = await job.positions.read();
    await job.kafka.admin.deleteTopics({ topics: [job.name] });
    await job.kafka.createTopic(job.name, 4);
    const orders = job.orders(600);
    await job.produce(orders);
    const ends = await job.kafka.ends(job.name);
    assert.ok(
      positions.every(({ partition, next }) => ends.get(partition)! > next),
      "it looks like the old one",
    );

    await using second = job.start({ client });
    assert.equal((await second.ended).code, 1);
    assert.match(
      second.printed(),
      /at offset \d+ and 3 more partitions: the topic was deleted and made anew; .* weir offsets reset \S+ --to earliest/,
    );
    const next = ({ next }: { readonly next: number }) => next;
    assert.deepEqual((await job.positions.read()).map(next), positions.map(next), "nothing of it was taken");

    await job.command("offsets", "reset", `${job.folder}/orders.ts`, "--to", "earliest");
    await using third = job.start({ client });
    await job.caughtUp();
    const applied = await job.database.query("select id, times::text from applied");
    const times = new Map(applied.map((row) => [row.id!, row.times]));
    const good = orders.map(({ value }) => judge(value)).filter((order) => typeof order !== "string");
    assert.ok(good.length > 400);
    assert.deepEqual(
      good.filter(({ id }) => times.get(id) !== "1"),
      [],
      "all of the new one is applied once",
    );
    assert.equal(await third.stop(), 0);
  });
}

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
