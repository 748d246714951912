/** Output topics get every record once, in order, whatever happens to the processes and to the answers of the broker. */
import assert from "node:assert/strict";
import { openKafka } from "../../src/log/kafka.ts";
import type { Status } from "../../src/status/snapshot.ts";
import { service } from "../support/env.ts";
import { KafkaProxy } from "../support/kafka_proxy.ts";
import { kafkaClients } from "../support/main_job.ts";
import { createTopicOf } from "../support/other_client.ts";
import { setCursors } from "../support/set_cursors.ts";
import { haveTopicServers, offsets, TopicJob } from "../support/topic_job.ts";
import type { WeirProcess } from "../support/weir_process.ts";

/** Everything is read, is in the warehouse and is published. */
function isDone({ pipelines: [job] }: Status): true | undefined {
  return job?.state === "running" && job.partitions.length > 0 &&
      job.partitions.every(({ lag }) => lag === 0) &&
      job.sinks.every(({ behind }) => (behind ?? 0) === 0) || undefined;
}

async function finish(weir: WeirProcess): Promise<void> {
  await weir.until("all is written", isDone);
  assert.equal(await weir.stop(), 0);
}

/** How many records the owner of each partition has brought into the warehouse. */
function read({ pipelines: [job] }: Status): number {
  return job?.partitions.reduce((sum, { position }) => sum + (position ?? 0), 0) ?? 0;
}

/** So that much happens in little time: small batches, and little that may be on the way. */
const small = ["--max-batch-records", "100", "--memory-bytes", "200000", "--workers", "1"];

async function assertEachOnce(job: TopicJob, partitions: number, records: number): Promise<void> {
  const found = await job.read();
  for (const partition of offsets(0, partitions)) {
    assert.deepEqual(found.get(partition), offsets(0, records), `partition ${partition}`);
  }
  const [rows] = await job.database.query("select count(*)::text as n from origins");
  assert.equal(rows!.n, `${partitions * records}`);
}

function test(promise: string, fn: (client: typeof kafkaClients[number]) => Promise<void>): void {
  for (const client of kafkaClients) {
    Deno.test({ name: `${client}: ${promise}`, ignore: !haveTopicServers, fn: () => fn(client) });
  }
}

test("a topic gets every record once and in order, though processes are killed", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 3 });
  await job.write();
  await job.produce(12_000, (n) => `${n}`.padEnd(100));
  for (let kill = 1; kill <= 5; kill++) {
    await using weir = job.start(small);
    await weir.until("some more are read", (status) => read(status) > kill * 3_000 || undefined);
    await weir.kill();
  }
  await using weir = job.start();
  await finish(weir);
  await assertEachOnce(job, 3, 12_000);
});

test("a topic gets every record once, though answers are lost", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 1 });
  await using proxy = new KafkaProxy(service("kafka")!);
  await job.write();
  await job.produce(5_000, (n) => `${n}`.padEnd(100));
  let records = 5_000;
  await using weir = job.start(small, proxy.address);
  const requests = ["endTxn", "txnOffsetCommit", "endTxn", "addOffsetsToTxn", "endTxn", "produce"] as const;
  for (const [i, request] of requests.entries()) {
    proxy.lose(request, 1);
    for (; proxy.lost === i; records += 1_000) {
      await job.produce(1_000, (n) => `${n}`.padEnd(100));
      await weir.until(
        `answer ${i + 1} is lost or more is done`,
        (status) => proxy.lost > i || read(status) === records + 1_000 && isDone(status) || undefined,
      );
    }
  }
  await finish(weir);
  await assertEachOnce(job, 1, records);
});

test("a start gives each sink what it has not had: cursors behind the position and ahead of it", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 3 });
  await job.write();
  await job.produce(100);
  {
    await using weir = job.start();
    await finish(weir);
  }
  const before = await job.read();
  for (const partition of offsets(0, 3)) assert.deepEqual(before.get(partition), offsets(0, 100));
  await job.produce(100);
  const log = await openKafka({ brokers: [service("kafka")!] });
  const source = { group: job.source, topic: job.source };
  await setCursors(log, source, job.output, new Map([[0, 40], [1, 150]]));
  await log.close();
  await using weir = job.start();
  await weir.until("all is written", isDone);
  const { records } = await weir.until("the status", ({ pipelines: [each] }) => each);
  assert.deepEqual({ in: records.in, dead: records.deadLettered }, { in: 300, dead: 0 });
  assert.equal(await weir.stop(), 0);
  const found = await job.read();
  assert.deepEqual(found.get(0), [...offsets(0, 100), ...offsets(40, 200)]);
  assert.deepEqual(found.get(1), [...offsets(0, 100), ...offsets(150, 200)]);
  assert.deepEqual(found.get(2), offsets(0, 200));
  const [rows] = await job.database.query("select count(*)::text as n from origins");
  assert.equal(rows!.n, "600");
});

test("a topic that is added to a pipeline gets what comes from then on", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 1 });
  await job.write();
  await job.produce(50);
  {
    await using weir = job.start();
    await finish(weir);
  }
  const added = `${job.source}.added`;
  await job.write({ topics: [job.output, added] });
  await job.produce(50);
  await using weir = job.start();
  await finish(weir);
  assert.deepEqual((await job.read()).get(0), offsets(0, 100));
  assert.deepEqual((await job.read(added)).get(0), offsets(50, 100));
});

test("a record that is too large for a topic is a dead letter, and all others get there once", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 1 });
  await createTopicOf(job.output, 5_000, 2);
  await job.write({
    operate:
      `const operate = (origin: string, value: string) => value === "700" ? origin.padEnd(9_000, "x") : origin;`,
  });
  await job.produce(2_000);
  await using weir = job.start(small);
  await weir.until("all is written", isDone);
  const { records } = await weir.until("the status", ({ pipelines: [each] }) => each);
  assert.deepEqual([records.in, records.out, records.deadLettered], [2_000, 1_999, 1]);
  assert.equal(await weir.stop(), 0);
  assert.deepEqual((await job.read()).get(0), offsets(0, 2_000).filter((offset) => offset !== 700));
  const letters = await job.letters();
  assert.ok(letters.length >= 1);
  assert.deepEqual(
    [...new Set(letters)],
    [`${job.source}-0-700 700 write ${job.output}`],
  );
});

test("a reset of the position sets the cursors, while a process runs", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 2 });
  await job.write();
  await job.produce(100);
  await using weir = job.start();
  await weir.until("all is written", isDone);
  const said = await job.run("offsets", "reset", "--to", "60");
  assert.match(said, new RegExp(`what is read again is written to ${job.output} again`));
  await weir.until("it has read again", ({ pipelines: [each] }) => each!.records.in >= 280 || undefined);
  await finish(weir);
  const found = await job.read();
  for (const partition of [0, 1]) {
    assert.deepEqual(found.get(partition), [...offsets(0, 100), ...offsets(60, 100)]);
  }
});

test("a reset to a later position is refused while a topic is behind, unless it is to be skipped", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 2 });
  await job.write();
  await job.produce(100);
  {
    await using weir = job.start();
    await finish(weir);
  }
  const log = await openKafka({ brokers: [service("kafka")!] });
  const source = { group: job.source, topic: job.source };
  await setCursors(log, source, job.output, new Map([[1, 40]]));
  await log.close();
  await job.produce(50);
  await assert.rejects(
    job.run("offsets", "reset", "--to", "latest"),
    /Cannot set job to a later position: what 60 offsets gave .* 40 to 99 of partition 1, for .*\.out; .*--skip-unpublished/,
  );
  const said = await job.run("offsets", "reset", "--to", "latest", "--skip-unpublished");
  assert.match(said, /\.out will not get what 60 offsets of partition 1 gave, 40 to 99$/m);
  await job.produce(10);
  await using weir = job.start();
  await finish(weir);
  const found = await job.read();
  for (const partition of [0, 1]) {
    assert.deepEqual(found.get(partition), [...offsets(0, 100), ...offsets(150, 160)]);
  }
});

test("a topic gets every record once, while processes come and go", async (client) => {
  await using job = await TopicJob.open({ client, partitions: 4 });
  await job.write();
  await job.produce(10_000, (n) => `${n}`.padEnd(100));
  await using first = job.start(small);
  await first.until("it reads", (status) => read(status) > 1_000 || undefined);
  await using second = job.start(small);
  const shares = ({ pipelines: [each] }: Status) =>
    each?.partitions.filter(({ position }) => position !== null).length === 2 || undefined;
  await second.until("it has half of the partitions", shares);
  await first.until("it has the other half", shares);
  await job.produce(2_000, (n) => `${n}`.padEnd(100));
  await first.kill();
  await second.until(
    "it has all partitions",
    ({ pipelines: [each] }) => each?.partitions.every(({ position }) => position !== null) || undefined,
  );
  await finish(second);
  await assertEachOnce(job, 4, 12_000);
});
