import assert from "node:assert/strict";
import type { Transaction } from "kafkajs";
import { describeError, ServiceError } from "../../src/errors.ts";
import type { KafkaSettings } from "../../src/log/brokers.ts";
import type { Log } from "../../src/log/mod.ts";
import { createTopicOf, deleteTopic, otherClient } from "../support/other_client.ts";
import { LogReader } from "../support/log_reader.ts";
import { service, uniqueName } from "../support/env.ts";
import { kafkaPublisherSuite } from "./kafka_publisher_suite.ts";
import { logSuite, type LogUnderTest, record, recordTo } from "./log_suite.ts";
import { publisherSuite } from "./publisher_suite.ts";

const broker = service("kafka");
const brokers = [broker ?? ""];

/** Registers the tests of an adapter for Kafka: the port's promises, and what a real broker adds to them. */
export function kafkaLogSuite(name: string, open: (settings: KafkaSettings) => Promise<Log>): void {
  const underTest: LogUnderTest = {
    name,
    ignore: broker === undefined,
    open: async () => {
      const log = await open({ brokers });
      return {
        log,
        createLargeTopic: (topic) => createTopicOf(topic, 4_000_000),
        close: () => log.close(),
      };
    },
  };
  logSuite(underTest);
  publisherSuite(underTest);
  kafkaPublisherSuite(name, open);

  function test(promise: string, run: (log: Log) => Promise<void>): void {
    Deno.test({
      name: `${name}: ${promise}`,
      ignore: broker === undefined,
      fn: async () => {
        const log = await open({ brokers });
        try {
          await run(log);
        } finally {
          await log.close();
        }
      },
    });
  }

  for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
    test(`reads what is compressed with ${compression}`, async (log) => {
      const topic = uniqueName("log");
      await log.createTopic(topic, { partitions: 1 });
      const values = Array.from({ length: 100 }, (_, i) => `${i}`);
      const { Producer, stringSerializers } = await import("@platformatic/kafka");
      const serializers = stringSerializers;
      const producer = new Producer({ clientId: "other", bootstrapBrokers: brokers, serializers });
      const messages = values.map((value) => ({ topic, value, partition: 0 }));
      await producer.send({ messages, compression });
      await producer.close();

      const reader = new LogReader(log.consumer(topic, uniqueName("group")));
      reader.startAt = () => 40; // in the middle of the compressed batch
      await reader.consumer.start(reader);
      await reader.until("all is read", () => reader.positions.get(0) === 100);
      assert.deepEqual(reader.values(), values.slice(40));
    });
  }

  test("reads nothing of a topic that is made anew before it has asked for positions in it", async (log) => {
    const topic = uniqueName("log");
    await log.createTopic(topic, { partitions: 1 });
    const make = (text: string) => log.produce(topic, ["a", "b", "c"].map((each) => record(text + each)));
    await make("old ");
    const reader = new LogReader(log.consumer(topic, uniqueName("group")));
    reader.startAt = async () => {
      if (reader.assignments.length > 1) return 1;
      // Nothing is being fetched now, so no broker tells that the topic is gone.
      await deleteTopic(topic);
      await createTopicOf(topic, 1_000_000);
      await make("new ");
      return 2;
    };
    const asked: number[] = [];
    reader.taken = () => void asked.push(reader.assignments.length);
    await reader.consumer.start(reader);
    await reader.until("something is read", () => asked.length > 0);
    assert.ok(asked[0]! > 1, "it was read from a position in the topic before");
  });

  test("shares the partitions between the members of a group, and gives them over", async (log) => {
    const topic = uniqueName("log");
    const group = uniqueName("group");
    await log.createTopic(topic, { partitions: 4 });
    const first = new LogReader(log.consumer(topic, group));
    await first.consumer.start(first);
    await first.until("all partitions are its own", () => first.assignments.at(-1)?.length === 4);

    const second = new LogReader(log.consumer(topic, group));
    await second.consumer.start(second);
    await second.until("it has two partitions", () => second.assignments.at(-1)?.length === 2);
    await first.until("it has two partitions", () => first.assignments.at(-1)?.length === 2);
    assert.deepEqual([...first.assignments.at(-1)!, ...second.assignments.at(-1)!].sort(), [0, 1, 2, 3]);
    await log.produce(topic, [0, 1, 2, 3].map((partition) => recordTo(partition, `${partition}`)));
    await first.until("it has read its share", () => first.records().length === 2);
    await second.until("it has read its share", () => second.records().length === 2);
    assert.deepEqual([...first.values(), ...second.values()].sort(), ["0", "1", "2", "3"]);

    // A commit of what is another's does no harm.
    const lost = second.assignments.at(-1)![0]!;
    await first.consumer.commit(new Map([[lost, 1]]));
    assert.equal((await log.offsets(topic, group))[lost]!.committed, null);

    await second.consumer.stop();
    await first.until("all partitions are its own again", () => first.assignments.at(-1)?.length === 4);
    await log.produce(topic, [0, 1, 2, 3].map((partition) => recordTo(partition, "again")));
    await first.until(
      "it has read from all partitions",
      () => first.values().filter((value) => value === "again").length === 4,
    );
    assert.deepEqual(first.failures, []);
  });

  test("gives a member that is one too many nothing", async (log) => {
    const topic = uniqueName("log");
    const group = uniqueName("group");
    await log.createTopic(topic, { partitions: 1 });
    const first = new LogReader(log.consumer(topic, group));
    await first.consumer.start(first);
    await first.until("it has the partition", () => first.assignments.length === 1);
    const second = new LogReader(log.consumer(topic, group));
    await second.consumer.start(second);
    await second.until("it is assigned", () => second.assignments.length === 1);
    await first.until("it is assigned again", () => first.assignments.length === 2);

    const owner = second.assignments[0]!.length === 1 ? second : first;
    const idle = owner === first ? second : first;
    assert.deepEqual(idle.assignments.at(-1), []);
    await log.produce(topic, [record("a")]);
    await owner.until("it is read", () => owner.records().length > 0);
    assert.deepEqual(idle.records(), []);
  });

  test("passes by aborted records and markers, so that nothing lags", async (log) => {
    const topic = uniqueName("log");
    const group = uniqueName("group");
    await log.createTopic(topic, { partitions: 1 });
    const producer = (await otherClient()).producer({
      transactionalId: uniqueName("producer"),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const transaction = async (value: string, end: (transaction: Transaction) => Promise<void>) => {
      const open = await producer.transaction();
      await open.send({ topic, messages: [{ value }] });
      await end(open);
    };
    const commit = (open: Transaction) => open.commit();
    const abort = (open: Transaction) => open.abort();

    const reader = new LogReader(log.consumer(topic, group));
    await reader.consumer.start(reader);
    await transaction("committed", commit);
    await reader.until("the first marker is passed", () => reader.positions.get(0) === 2);
    await transaction("aborted", abort);
    await reader.until("the second marker is passed", () => reader.positions.get(0) === 4);
    await transaction("committed too", commit);
    await transaction("aborted too", abort);
    await reader.until("the last marker is passed", () => reader.positions.get(0) === 8);
    assert.deepEqual(reader.values(), ["committed", "committed too"]);
    assert.equal((await log.offsets(topic, group))[0]!.end, 8);

    // From each offset on, another reader gets there too, also from a marker itself and from an aborted record.
    for (let start = 0; start < 8; start++) {
      const other = new LogReader(log.consumer(topic, uniqueName("group")));
      other.startAt = () => start;
      await other.consumer.start(other);
      await other.until("all is passed", () => other.positions.get(0) === 8);
      const expected = start === 0 ? ["committed", "committed too"] : start < 5 ? ["committed too"] : [];
      assert.deepEqual(other.values(), expected);
      other.seek(0, 0);
      await other.until("all is passed again", () => other.positions.get(0) === 8);
      assert.deepEqual(other.values(), ["committed", "committed too"]);
      await other.consumer.stop();
    }
    await producer.disconnect();
  });

  test("takes nothing of several transactions that were aborted, however large", async (log) => {
    const topic = uniqueName("log");
    await log.createTopic(topic, { partitions: 1 });
    const producer = (await otherClient()).producer({
      transactionalId: uniqueName("producer"),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const write = async (values: readonly string[], end: "commit" | "abort") => {
      const open = await producer.transaction();
      for (const value of values) await open.send({ topic, messages: [{ value }] });
      await open[end]();
    };
    await write(["no", "no", "no"], "abort");
    await write(["yes"], "commit");
    await write(["no"], "abort");
    await log.produce(topic, [record("yes too")]);
    // More than a fetch brings, so that its marker is not yet there when its first records are.
    await write(Array.from({ length: 5 }, () => "no".padEnd(500_000)), "abort");
    await write(["and yes"], "commit");
    await producer.disconnect();

    const reader = new LogReader(log.consumer(topic, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until("all is passed", () => reader.positions.get(0) === 17);
    assert.deepEqual(reader.values(), ["yes", "yes too", "and yes"]);
  });

  test("takes nothing of transactions of several producers that were aborted in another order", async (log) => {
    const topic = uniqueName("log");
    await log.createTopic(topic, { partitions: 1 });
    const producers = await Promise.all(Array.from({ length: 4 }, async () => {
      const client = await otherClient();
      const producer = client.producer({
        transactionalId: uniqueName("producer"),
        maxInFlightRequests: 1,
        idempotent: true,
      });
      await producer.connect();
      return producer;
    }));
    for (let round = 0; round < 3; round++) {
      const open = await Promise.all(producers.map((producer) => producer.transaction()));
      const send = (i: number, value: string) => open[i]!.send({ topic, messages: [{ value }] });
      for (let i = 0; i < 4; i++) await send(i, i === 2 ? `yes ${round}` : "no");
      await log.produce(topic, [record(`plain ${round}`)]);
      for (const i of [0, 3]) await send(i, "no");
      for (const i of [3, 1, 0]) await open[i]!.abort();
      await open[2]!.commit();
    }
    for (const producer of producers) await producer.disconnect();
    await log.produce(topic, [record("last")]);

    const expected = [0, 1, 2].flatMap((round) => [`yes ${round}`, `plain ${round}`]);
    for (let start = 0; start < 8; start++) {
      const reader = new LogReader(log.consumer(topic, uniqueName("group")));
      reader.startAt = () => start;
      await reader.consumer.start(reader);
      await reader.until("the last is read", () => reader.values().includes("last"));
      const skipped = start > 4 ? 2 : start > 2 ? 1 : 0;
      assert.deepEqual(reader.values(), [...expected.slice(skipped), "last"], `from ${start}`);
      await reader.consumer.stop();
    }
  });

  test("tells a topic that was made anew from the one before", async (log) => {
    const topic = uniqueName("log");
    const produced = ["a", "b", "c"].map((value) => recordTo(0, value));
    await log.createTopic(topic, { partitions: 1 });
    await log.produce(topic, produced);
    const id = await log.topicId(topic);
    await deleteTopic(topic);
    await log.createTopic(topic, { partitions: 1 });
    await log.produce(topic, produced);
    assert.notEqual(await log.topicId(topic), id);
    assert.equal((await log.offsets(topic, uniqueName("group")))[0]!.end, 3);
  });

  test("sends smaller requests to a topic that takes less than is usual", async (log) => {
    const topic = uniqueName("log");
    await createTopicOf(topic, 20_000);
    const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(1_000));
    await log.produce(topic, values.map((value) => recordTo(0, value)));
    const reader = new LogReader(log.consumer(topic, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until("all is read", () => reader.records().length >= 60);
    assert.deepEqual(reader.values(), values);
  });

  test("goes on with another batch than expected when the position is gone", async (log) => {
    const topic = uniqueName("log");
    const group = uniqueName("group");
    await log.createTopic(topic, { partitions: 1 });
    await log.produce(topic, Array.from({ length: 10 }, (_, i) => recordTo(0, `${i}`)));
    const admin = (await otherClient()).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic); // deleting asks for metadata that is loaded
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "6" }] });
    await admin.disconnect();
    assert.deepEqual(await log.offsets(topic, group), [
      { partition: 0, earliest: 6, end: 10, committed: null },
    ]);

    const consumer = log.consumer(topic, group);
    const { promise: from, resolve } = Promise.withResolvers<number>();
    await consumer.start({
      assigned: () => Promise.resolve(new Map([[0, 2]])),
      fetched: (batch) => resolve(batch.from),
      failed: () => {},
    });
    assert.equal(await from, 6);
  });

  async function refusal(settings: KafkaSettings): Promise<Error> {
    const error = await open(settings).then((log) => log.close(), (error) => error);
    assert.ok(error instanceof ServiceError, `${error}`);
    assert.ok(error.cause, "the cause is kept");
    return error;
  }

  Deno.test(`${name}: says that nothing listens`, async () => {
    const error = await refusal({ brokers: ["127.0.0.1:1"] });
    assert.equal(error.message, "Cannot reach Kafka at 127.0.0.1:1: connection refused; check KAFKA_BROKERS");
    assert.match(describeError(error), /ECONNREFUSED|refused/);
  });

  Deno.test({
    name: `${name}: says that a listener takes no login`,
    ignore: broker === undefined,
    fn: async () => {
      const sasl = { mechanism: "plain", username: "ada", password: "secret" } as const;
      const error = await refusal({ brokers, sasl });
      assert.match(error.message, /login by plain/);
      assert.doesNotMatch(describeError(error), /secret/);
    },
  });

  Deno.test({
    name: `${name}: says that a listener is not encrypted`,
    ignore: broker === undefined,
    fn: async () => {
      const error = await refusal({ brokers, ssl: true });
      assert.match(error.message, /TLS/);
    },
  });

  // The last of this file, since kafkajs gives up the connection only some time after the test.
  Deno.test({
    name: `${name}: says that what listens does not answer`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      // Takes connections and says nothing.
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const connections: Deno.Conn[] = [];
      const accepting = (async () => {
        for await (const connection of listener) connections.push(connection);
      })();
      const address = `127.0.0.1:${listener.addr.port}`;
      const error = await refusal({ brokers: [address] });
      assert.match(error.message, new RegExp(`^Cannot reach Kafka at ${address}: no answer in time; `));
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  });
}
