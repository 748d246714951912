/** `weir offsets reset` that is killed between the warehouse and the topics happens as a whole all the same. */
import assert from "node:assert/strict";
import { openKafka } from "../../src/log/kafka.ts";
import { readCursors } from "../../src/runtime/topic_cursor.ts";
import { failpointVariable } from "../../src/runtime/failpoints.ts";
import type { Status } from "../../src/status/snapshot.ts";
import { service } from "../support/env.ts";
import { kafkaClients } from "../support/main_job.ts";
import { haveTopicServers, offsets, TopicJob } from "../support/topic_job.ts";
import type { WeirProcess } from "../support/weir_process.ts";

/** The process has all partitions, everything is in the warehouse and is published. */
function isDone({ pipelines: [job] }: Status): true | undefined {
  return job?.state === "running" && job.partitions.length > 0 &&
      job.partitions.every(({ position, endOffset }) => position === endOffset) &&
      job.sinks.every(({ behind }) => (behind ?? 0) === 0) || undefined;
}

/** Records that it has brought into the warehouse. */
const records = async (weir: WeirProcess) =>
  (await weir.until("the status", ({ pipelines: [job] }) => job)).records.in;

async function runToTheEnd(job: TopicJob): Promise<number> {
  await using weir = job.start();
  await weir.until("all is written", isDone);
  const read = await records(weir);
  assert.equal(await weir.stop(), 0);
  return read;
}

/** Runs `weir offsets reset` with a kill -9 at a point. */
async function killed(job: TopicJob, to: string, point: string): Promise<void> {
  const { signal, output } = await job.attempt(["offsets", "reset", "--to", to], {
    [failpointVariable]: `${point}:kill`,
  });
  assert.equal(signal, "SIGKILL", output);
}

async function cursorsOf(job: TopicJob, partitions: readonly number[]): Promise<(number | undefined)[]> {
  const log = await openKafka({ brokers: [service("kafka")!] });
  try {
    const read = await readCursors(log, { group: job.source, topic: job.source }, [job.output], partitions);
    return partitions.map((each) => read.get(job.output)!.get(each));
  } finally {
    await log.close();
  }
}

/** Each point, and whether the reset has happened when it is killed there. */
const points = {
  "resets.make.before:1": false,
  "resets.make.after:1": true,
  // The first two are before it is made.
  "publisher.open.after:3": true,
  "publisher.publish.after:1": true,
  "resets.finish.before:1": true,
} as const;

for (const client of kafkaClients) {
  const options = { ignore: !haveTopicServers };
  Deno.test(
    `${client}: a reset that is killed is done by the next start, or was never made`,
    options,
    async () => {
      await using job = await TopicJob.open({ client, partitions: 2 });
      await job.write();
      await job.produce(100);
      assert.equal(await runToTheEnd(job), 200);
      const expected = offsets(0, 100);
      for (const [point, made] of Object.entries(points)) {
        await killed(job, "60", point);
        assert.equal(await runToTheEnd(job), made ? 80 : 0, point);
        if (made) expected.push(...offsets(60, 100));
        const found = await job.read();
        for (const partition of [0, 1]) {
          assert.deepEqual(found.get(partition), expected, `${partition}, ${point}`);
        }
      }
    },
  );

  Deno.test(`${client}: a reset that is killed is done by the process that runs`, options, async () => {
    await using job = await TopicJob.open({ client, partitions: 2 });
    await job.write();
    await job.produce(100);
    await using weir = job.start();
    await weir.until("all is written", isDone);
    await killed(job, "60", "resets.make.after:1");
    await weir.until("it has read again", ({ pipelines: [each] }) => each!.records.in >= 280 || undefined);
    await job.produce(10);
    await weir.until(
      "all is written",
      (status) => status.pipelines[0]!.records.in === 300 && isDone(status) || undefined,
    );
    assert.equal(await weir.stop(), 0);
    const found = await job.read();
    for (const partition of [0, 1]) {
      assert.deepEqual(found.get(partition), [...offsets(0, 100), ...offsets(60, 110)]);
    }
  });

  Deno.test(`${client}: a look at the offsets does what a killed reset has left`, options, async () => {
    await using job = await TopicJob.open({ client, partitions: 2 });
    await job.write();
    await job.produce(100);
    await runToTheEnd(job);
    await killed(job, "60", "resets.make.after:1");
    assert.deepEqual(await cursorsOf(job, [0, 1]), [100, 100]);
    const shown = JSON.parse((await job.attempt(["offsets", "show", "--json"])).output);
    assert.deepEqual(
      shown.partitions.map(({ position }: { position: number }) => position),
      [60, 60],
    );
    assert.deepEqual(await cursorsOf(job, [0, 1]), [60, 60]);
    // Another reset starts from there.
    assert.match(await job.run("offsets", "reset", "--to", "100", "--skip-unpublished"), /goes on at 100/);
    assert.deepEqual(await cursorsOf(job, [0, 1]), [100, 100]);
  });
}
