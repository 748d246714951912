import assert from "node:assert/strict";
import { openKafka } from "../../src/log/kafka.ts";
import { openPlatformatic } from "../../src/log/platformatic.ts";
import { service, uniqueName } from "../support/env.ts";
import { LogReader } from "../support/log_reader.ts";
import { kafkaLogSuite } from "./log_kafka_suite.ts";
import { recordTo } from "./log_suite.ts";

const broker = service("kafka");
const brokers = [broker ?? ""];

Deno.test({
  name: "platformatic: knows a topic by the same id as the other client",
  ignore: broker === undefined,
  fn: async () => {
    const logs = [await openKafka({ brokers }), await openPlatformatic({ brokers })];
    const topic = uniqueName("log");
    await logs[0]!.createTopic(topic, { partitions: 1 });
    const [one, other] = await Promise.all(logs.map((log) => log.topicId(topic)));
    assert.ok(one);
    assert.equal(one, other);
    for (const log of logs) await log.close();
  },
});

Deno.test({
  name: "platformatic: shares a group with the other client, whichever was there first",
  ignore: broker === undefined,
  fn: async () => {
    const logs = [await openKafka({ brokers }), await openPlatformatic({ brokers })];
    try {
      for (const [first, second] of [logs, logs.toReversed()]) {
        const topic = uniqueName("log");
        const group = uniqueName("group");
        await first!.createTopic(topic, { partitions: 4 });
        const one = new LogReader(first!.consumer(topic, group));
        await one.consumer.start(one);
        await one.until("all partitions are its own", () => one.assignments.at(-1)?.length === 4);
        const other = new LogReader(second!.consumer(topic, group));
        await other.consumer.start(other);
        await other.until("it has two partitions", () => other.assignments.at(-1)?.length === 2);
        await one.until("it has two partitions", () => one.assignments.at(-1)?.length === 2);
        await first!.produce(topic, [0, 1, 2, 3].map((partition) => recordTo(partition, `${partition}`)));
        await one.until("it has read its share", () => one.records().length === 2);
        await other.until("it has read its share", () => other.records().length === 2);
        await one.consumer.stop();
        await other.until("all partitions are its own", () => other.assignments.at(-1)?.length === 4);
        assert.deepEqual([...one.failures, ...other.failures], []);
        await other.consumer.stop();
      }
    } finally {
      for (const log of logs) await log.close();
    }
  },
});

// The last of this file, as its own last test asks for.
kafkaLogSuite("platformatic", openPlatformatic);
