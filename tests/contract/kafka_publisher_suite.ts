import assert from "node:assert/strict";
import { describeError, Fenced } from "../../src/errors.ts";
import type { KafkaSettings } from "../../src/log/brokers.ts";
import type { Log, Publisher } from "../../src/log/mod.ts";
import { service, uniqueName } from "../support/env.ts";
import { KafkaProxy } from "../support/kafka_proxy.ts";
import { LogReader } from "../support/log_reader.ts";
import { createTopicOf, otherClient } from "../support/other_client.ts";
import { recordTo } from "./log_suite.ts";

const broker = service("kafka");

/** Registers the tests of what a real broker adds to the promises of publishers. */
export function kafkaPublisherSuite(name: string, open: (settings: KafkaSettings) => Promise<Log>): void {
  function test(promise: string, run: (log: Log) => Promise<void>): void {
    Deno.test({
      name: `${name}: ${promise}`,
      ignore: broker === undefined,
      fn: async () => {
        const log = await open({ brokers: [broker!] });
        try {
          await run(log);
        } finally {
          await log.close();
        }
      },
    });
  }

  async function opened(log: Log, id: string): Promise<Publisher> {
    const publisher = log.publisher(id);
    await publisher.open();
    return publisher;
  }

  test("undoes what a publisher left open when the next one opens", async (log) => {
    const [topic, source, group, id] = ["output", "source", "cursor", "publisher"].map(uniqueName);
    for (const each of [topic!, source!]) await log.createTopic(each, { partitions: 1 });
    const left = (await otherClient()).producer({
      transactionalId: id!,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await left.connect();
    const transaction = await left.transaction();
    await transaction.send({ topic: topic!, messages: [{ value: "left" }] });
    const offsets = [{ topic: source!, partitions: [{ partition: 0, offset: "9" }] }];
    await transaction.sendOffsets({ consumerGroupId: group!, topics: offsets });

    const publisher = await opened(log, id!);
    assert.equal((await log.offsets(source!, group!))[0]!.committed, null);
    await assert.rejects(transaction.commit());
    await publisher.publish({
      records: [{ topic: topic!, record: recordTo(0, "next") }],
      cursors: [{ group: group!, topic: source!, partition: 0, offset: 1 }],
    });
    const reader = new LogReader(log.consumer(topic!, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until("the next publisher's record is read", () => reader.values().includes("next"));
    assert.deepEqual(reader.values(), ["next"]);
    const last = await opened(log, id!);
    assert.equal((await log.offsets(source!, group!))[0]!.committed, 1);
    for (const each of [publisher, last]) await each.close();
    await left.disconnect();
  });

  test("tells no cursor while a transaction that moves it is open", async (log) => {
    const [source, group] = ["source", "cursor"].map(uniqueName);
    await log.createTopic(source!, { partitions: 2 });
    const other = (await otherClient()).producer({
      transactionalId: uniqueName("publisher"),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await other.connect();
    const transaction = await other.transaction();
    const offsets = [{ topic: source!, partitions: [{ partition: 0, offset: "9" }] }];
    await transaction.sendOffsets({ consumerGroupId: group!, topics: offsets });

    // Not the one before, which is outdated when the transaction is committed this very moment.
    await assert.rejects(log.offsets(source!, group!), (error: Error) => {
      assert.match(describeError(error), /Cannot read the offsets of topic .*unstable offset/i);
      return true;
    });
    assert.deepEqual((await log.offsets(source!, group!, [1])).map(({ committed }) => committed), [null]);
    const asked = log.offsets(source!, group!);
    await transaction.commit();
    assert.deepEqual((await asked).map(({ committed }) => committed), [9, null]);
    await other.disconnect();
  });

  for (const request of ["endTxn", "produce", "txnOffsetCommit", "addOffsetsToTxn"] as const) {
    test(`is all or nothing when the answer to ${request} is lost`, async (log) => {
      const [topic, source, group, id] = ["output", "source", "cursor", "publisher"].map(uniqueName);
      for (const each of [topic!, source!]) await log.createTopic(each, { partitions: 1 });
      await using proxy = new KafkaProxy(broker!);
      const beyond = await open({ brokers: [proxy.address] });
      const publication = (n: number) => ({
        records: [{ topic: topic!, record: recordTo(0, `${n}`) }],
        cursors: [{ group: group!, topic: source!, partition: 0, offset: n }],
      });
      let publisher = await opened(beyond, id!);
      for (let n = 1; n <= 6; n++) {
        if (n % 2 === 0) proxy.lose(request);
        try {
          await publisher.publish(publication(n));
        } catch (error) {
          assert.ok(!(error instanceof Fenced), `${error}`);
          await publisher.close();
          publisher = await opened(beyond, id!);
          const { committed } = (await beyond.offsets(source!, group!))[0]!;
          assert.ok(committed === n || committed === n - 1, `the cursor is at ${committed} after ${n}`);
          if (committed !== n) await publisher.publish(publication(n));
        }
      }
      assert.equal(proxy.lost, 3);
      const reader = new LogReader(log.consumer(topic!, uniqueName("group")));
      await reader.consumer.start(reader);
      await reader.until("the last is read", () => reader.values().includes("6"));
      assert.deepEqual(reader.values(), ["1", "2", "3", "4", "5", "6"]);
      await publisher.close();
      await beyond.close();
    });
  }

  test("sends less at once to a topic that takes less, after another has taken over", async (log) => {
    const [topic, source, group, id] = ["output", "source", "cursor", "publisher"].map(uniqueName);
    await createTopicOf(topic!, 20_000);
    await log.createTopic(source!, { partitions: 1 });
    const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(1_000));
    const publication = {
      records: values.map((value) => ({ topic: topic!, record: recordTo(0, value) })),
      cursors: [{ group: group!, topic: source!, partition: 0, offset: 60 }],
    };
    for (let tries = 1;; tries++) {
      const publisher = await opened(log, id!);
      const error = await publisher.publish(publication).catch((error) => error);
      await publisher.close();
      if (error === undefined) break;
      assert.match(error.message, /does not take \d+ bytes at once/);
      assert.ok(tries < 5);
    }
    const reader = new LogReader(log.consumer(topic!, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until("all is read", () => reader.records().length >= 60);
    assert.deepEqual(reader.values(), values);
  });

  test("fences a publisher of another process that waits in the middle", async (log) => {
    const [topic, source, group, id] = ["output", "source", "cursor", "publisher"].map(uniqueName);
    for (const each of [topic!, source!]) await log.createTopic(each, { partitions: 1 });
    const publication = (value: string, offset: number) => ({
      records: [{ topic: topic!, record: recordTo(0, value) }],
      cursors: [{ group: group!, topic: source!, partition: 0, offset }],
    });
    const elsewhere = await open({ brokers: [broker!] });
    const zombie = await opened(elsewhere, id!);
    await zombie.publish(publication("a", 1));
    const publisher = await opened(log, id!);
    await publisher.publish(publication("b", 2));
    await assert.rejects(zombie.publish(publication("zombie", 3)), Fenced);
    await publisher.publish(publication("c", 3));
    const reader = new LogReader(log.consumer(topic!, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until("the last is read", () => reader.values().includes("c"));
    assert.deepEqual(reader.values(), ["a", "b", "c"]);
    for (const each of [zombie, publisher]) await each.close();
    await elsewhere.close();
  });
}
