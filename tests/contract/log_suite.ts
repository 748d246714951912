import assert from "node:assert/strict";
import { type Log, RecordTooLarge } from "../../src/log/mod.ts";
import type { ProducedRecord } from "../../src/record.ts";
import { LogReader } from "../support/log_reader.ts";
import { uniqueName } from "../support/env.ts";
import { unpacked } from "../support/unpacked.ts";

/** How the suite gets a log to try. */
export interface LogUnderTest {
  readonly name: string;
  /** Whether the log cannot be had here. */
  readonly ignore: boolean;
  open(): Promise<OpenLog>;
}

export interface OpenLog {
  readonly log: Log;
  /** Makes a topic of one partition that takes records of 4 MB. */
  createLargeTopic(topic: string): Promise<void>;
  /** Closes the log, and takes away what it left. */
  close(): Promise<void>;
}

/** What a test gets. */
interface Context extends OpenLog {
  readonly topic: string;
  readonly group: string;
  /** Not started yet. */
  readonly reader: LogReader;
}

const text = new TextEncoder();

/** A record of text, for tests. */
export function record(value: string | null, rest: Partial<ProducedRecord> = {}): ProducedRecord {
  return { key: null, value: value === null ? null : text.encode(value), headers: [], ...rest };
}

/** A record of text for one partition. */
export function recordTo(partition: number, value: string): ProducedRecord {
  return record(value, { partition });
}

function numbered(from: number, to: number, partition: number): ProducedRecord[] {
  return Array.from({ length: to - from }, (_, i) => recordTo(partition, `${from + i}`));
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `${from + i}`);
}

/** Registers the tests of every promise that `src/log/mod.ts` makes. */
export function logSuite({ name, ignore, open }: LogUnderTest): void {
  /** Runs a test with an open log and a new topic of so many partitions. */
  function test(promise: string, partitions: number, run: (context: Context) => Promise<void>): void {
    Deno.test({
      name: `${name}: ${promise}`,
      ignore,
      fn: async () => {
        const opened = await open();
        try {
          const topic = uniqueName("log");
          const group = uniqueName("group");
          await opened.log.createTopic(topic, { partitions });
          await run({ ...opened, topic, group, reader: new LogReader(opened.log.consumer(topic, group)) });
        } finally {
          await opened.close();
        }
      },
    });
  }

  async function start(reader: LogReader): Promise<void> {
    await reader.consumer.start(reader);
  }

  function count(reader: LogReader, records: number, partition?: number): Promise<void> {
    return reader.until(`${records} records are read`, () => reader.records(partition).length >= records);
  }

  test("gives the records of a partition in order, each once, in batches that join", 2, async (context) => {
    const { log, topic, reader } = context;
    await log.produce(topic, [...numbered(0, 3_000, 0), ...numbered(0, 10, 1)]);
    await start(reader);
    await count(reader, 10, 1);
    await log.produce(topic, numbered(3_000, 3_100, 0));
    await count(reader, 3_100, 0);

    assert.deepEqual(reader.values(0), numbers(0, 3_100));
    assert.deepEqual(reader.values(1), numbers(0, 10));
    assert.deepEqual(
      reader.records(0).map(({ offset }) => offset),
      Array.from({ length: 3_100 }, (_, i) => i),
    );
    assert.deepEqual([...reader.positions], [[0, 3_100], [1, 10]]);
    assert.deepEqual(reader.failures, []);
  });

  test("spreads keys over partitions as Kafka's own client does", 7, async ({ log, topic, reader }) => {
    // The hashes of org.apache.kafka.common.utils.UtilsTest; the partition is `toPositive(hash) % 7`.
    const hashes = {
      "21": -973932308,
      "foobar": -790332482,
      "a-little-bit-longer-string": -1486304829,
      "abc": 479470107,
    };
    const expected = Object.fromEntries(
      Object.entries(hashes).map(([key, hash]) => [key, (hash & 0x7fffffff) % 7]),
    );
    const keys = Object.keys(expected);
    await log.produce(topic, keys.map((key) => record(key, { key: text.encode(key) })));
    await start(reader);
    await count(reader, keys.length);

    const found = reader.batches.flatMap(({ partition, records }) =>
      unpacked(records).map(({ key }) => [new TextDecoder().decode(key!), partition] as const)
    );
    assert.deepEqual(Object.fromEntries(found), expected);
  });

  test("spreads records without a key evenly", 4, async ({ log, topic, group }) => {
    for (let i = 0; i < 4; i++) await log.produce(topic, numbers(0, 10).map((value) => record(value)));
    const ends = (await log.offsets(topic, group)).map(({ end }) => end);
    assert.deepEqual(ends, [10, 10, 10, 10]);
  });

  test(
    "puts a record into the partition that it names, and refuses one that is not there",
    3,
    async (context) => {
      const { log, topic, group } = context;
      await log.produce(topic, [record("a", { partition: 2, key: text.encode("a") })]);
      assert.deepEqual((await log.offsets(topic, group)).map(({ end }) => end), [0, 0, 1]);
      await assert.rejects(log.produce(topic, [recordTo(3, "b")]), (error: Error) => {
        assert.match(
          `${error.message} ${(error.cause as Error | undefined)?.message}`,
          /no partition 3, only 0 to 2/,
        );
        return true;
      });
    },
  );

  test("keeps keys, values, headers and timestamps as they were", 1, async ({ log, topic, reader }) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const produced: ProducedRecord[] = [
      { key: null, value: null, headers: [], timestamp: 0 },
      { key: new Uint8Array(), value: new Uint8Array(), headers: [], timestamp: 1 },
      { key: bytes, value: bytes.subarray(100, 200), headers: [], timestamp: 1_700_000_000_123 },
      {
        key: text.encode("k"),
        value: null,
        headers: [
          { key: "b", value: bytes },
          { key: "b", value: text.encode("again") },
          { key: "a", value: null },
          { key: "é", value: new Uint8Array() },
        ],
        timestamp: 999_999_999_999,
      },
    ];
    await log.produce(topic, produced);
    await start(reader);
    await count(reader, produced.length);

    const plain = (value: Uint8Array | null) => value && [...value];
    const comparable = ({ key, value, headers, timestamp }: ProducedRecord) => ({
      key: plain(key),
      value: plain(value),
      headers: headers.map((header) => [header.key, plain(header.value)]),
      timestamp,
    });
    assert.deepEqual(reader.records().map(comparable), produced.map(comparable));
  });

  test("stamps records that have no time with the time of writing", 1, async ({ log, topic, reader }) => {
    const before = Date.now();
    await log.produce(topic, [record("a")]);
    const after = Date.now();
    await start(reader);
    await count(reader, 1);
    const { timestamp } = reader.records()[0]!;
    assert.ok(timestamp >= before && timestamp <= after, `${timestamp} is not within ${before} and ${after}`);
  });

  test("writes nothing for no records", 1, async ({ log, topic, group }) => {
    await log.produce(topic, []);
    assert.deepEqual((await log.offsets(topic, group)).map(({ end }) => end), [0]);
  });

  test("keeps the order of writes that were not waited for", 1, async ({ log, topic, reader }) => {
    await Promise.all(numbers(0, 50).map((value) => log.produce(topic, [record(value)])));
    await start(reader);
    await count(reader, 50);
    assert.deepEqual(reader.values(), numbers(0, 50));
  });

  test(
    "takes a record of 3 MB where the topic does, and refuses it where it does not",
    1,
    async (context) => {
      const { log, topic, createLargeTopic } = context;
      const large = record("x".repeat(3_000_000));
      await assert.rejects(log.produce(topic, [large]), RecordTooLarge);
      await log.produce(topic, [record("small")]);

      const largeTopic = uniqueName("large");
      await createLargeTopic(largeTopic);
      const deadLetters = uniqueName("dead");
      await log.createTopic(deadLetters, { partitions: 1, asLargeAs: [topic, largeTopic] });
      for (const each of [largeTopic, deadLetters]) {
        await log.produce(each, [record("before"), large, record("after")]);
        const reader = new LogReader(log.consumer(each, uniqueName("group")));
        await start(reader);
        await count(reader, 3);
        assert.deepEqual(reader.records().map(({ value }) => value!.length), [6, 3_000_000, 5]);
      }
    },
  );

  test("makes a topic only once, and tells of one that is not there", 2, async ({ log, topic, group }) => {
    await log.produce(topic, [recordTo(0, "kept")]);
    await log.createTopic(topic, { partitions: 5 });
    assert.deepEqual((await log.offsets(topic, group)).map(({ end }) => end), [1, 0]);
    const absent = uniqueName("absent");
    await log.createTopic(uniqueName("log"), { partitions: 1, asLargeAs: [absent] });
    await assert.rejects(log.offsets(absent, group), /does not exist/);
    await assert.rejects(log.produce(absent, [record("a")]), /does not exist/);
  });

  test("knows a topic by an id that stays, and that no other topic has", 2, async ({ log, topic, group }) => {
    const id = await log.topicId(topic);
    assert.match(id!, /^[\w-]{22,}$/);
    await log.produce(topic, [record("a"), record("b")]);
    await log.createTopic(topic, { partitions: 5 });
    await log.offsets(topic, group);
    assert.equal(await log.topicId(topic), id);
    const other = uniqueName("log");
    await log.createTopic(other, { partitions: 2 });
    assert.notEqual(await log.topicId(other), id);
    await assert.rejects(log.topicId(uniqueName("absent")), /does not exist/);
  });

  test("reads a topic that is made after the start", 1, async ({ log }) => {
    const topic = uniqueName("later");
    const reader = new LogReader(log.consumer(topic, uniqueName("group")));
    await start(reader);
    await reader.until("the consumer says that the topic is missing", () => reader.failures.length > 0);
    await log.createTopic(topic, { partitions: 1 });
    await log.produce(topic, [record("a")]);
    await count(reader, 1);
    assert.deepEqual(reader.values(), ["a"]);
  });

  test("starts each partition where the owner says", 2, async ({ log, topic, reader }) => {
    await log.produce(topic, [...numbered(0, 10, 0), ...numbered(0, 10, 1)]);
    reader.startAt = (partition) => partition === 0 ? 7 : 10;
    await start(reader);
    await count(reader, 3, 0);
    await log.produce(topic, numbered(10, 11, 1));
    await count(reader, 1, 1);
    assert.deepEqual(reader.values(0), ["7", "8", "9"]);
    assert.deepEqual(reader.values(1), ["10"]);
    assert.deepEqual(reader.assignments, [[0, 1]]);
  });

  test("fetches nothing before the owner has given positions", 1, async ({ log, topic, reader }) => {
    await log.produce(topic, numbered(0, 5, 0));
    const position = Promise.withResolvers<number>();
    reader.startAt = () => position.promise;
    await start(reader);
    await reader.until("partitions are assigned", () => reader.assignments.length > 0);
    // Another group reads all of it meanwhile.
    const other = new LogReader(log.consumer(topic, uniqueName("group")));
    await start(other);
    await count(other, 5);
    assert.deepEqual(reader.batches, []);
    position.resolve(3);
    await count(reader, 2);
    assert.deepEqual(reader.values(), ["3", "4"]);
  });

  test("asks again when the owner could not give positions", 1, async ({ log, topic, reader }) => {
    await log.produce(topic, [record("a")]);
    reader.startAt = () => {
      reader.startAt = () => 0;
      throw new Error("the warehouse is down");
    };
    await start(reader);
    await count(reader, 1);
    assert.equal(reader.assignments.length, 2);
    assert.equal(reader.failures.length, 1);
    const { message, cause } = reader.failures[0] as Error;
    assert.match(`${message}: ${(cause as Error | undefined)?.message}`, /the warehouse is down/);
  });

  test("seeks back and forth", 1, async ({ log, topic, reader }) => {
    await log.produce(topic, numbered(0, 100, 0));
    await start(reader);
    await count(reader, 100);
    reader.seek(0, 30);
    await count(reader, 70);
    assert.deepEqual(reader.values(), numbers(30, 100));
    reader.seek(0, 0);
    reader.seek(0, 98);
    await count(reader, 2);
    assert.deepEqual(reader.values(), numbers(98, 100));
    await log.produce(topic, numbered(100, 101, 0));
    await count(reader, 3);
    assert.deepEqual(reader.values(), numbers(98, 101));
  });

  test("pauses a partition, and no other, until it is resumed", 2, async ({ log, topic, reader }) => {
    reader.taken = ({ partition }) => {
      if (partition === 0) reader.consumer.pause([0]);
    };
    await log.produce(topic, [recordTo(0, "first")]);
    await start(reader);
    await count(reader, 1, 0);
    // The other one says when the fetch that was under way is over, and when the paused one has had its chances.
    await log.produce(topic, [recordTo(1, "0")]);
    await count(reader, 1, 1);
    for (let round = 1; round <= 3; round++) {
      await log.produce(topic, [recordTo(0, `paused ${round}`), recordTo(1, `${round}`)]);
      await count(reader, round + 1, 1);
    }
    assert.deepEqual(reader.values(0), ["first"]);
    reader.taken = () => {};
    reader.consumer.resume([0]);
    await count(reader, 4, 0);
    assert.deepEqual(reader.values(0), ["first", "paused 1", "paused 2", "paused 3"]);
    assert.deepEqual(reader.values(1), ["0", "1", "2", "3"]);
  });

  test("keeps a pause of before the positions are given, and a seek in it", 2, async (context) => {
    const { log, topic, reader } = context;
    await log.produce(topic, [...numbered(0, 5, 0), ...numbered(0, 5, 1)]);
    reader.startAt = (partition) => {
      reader.consumer.pause([0]);
      return partition;
    };
    await start(reader);
    await count(reader, 4, 1);
    assert.deepEqual(reader.values(0), []);
    reader.seek(0, 2);
    reader.consumer.resume([0]);
    await count(reader, 3, 0);
    assert.deepEqual(reader.values(0), numbers(2, 5));
  });

  test("tells earliest, end and what the group has committed", 3, async ({ log, topic, group, reader }) => {
    await log.produce(topic, [...numbered(0, 8, 0), ...numbered(0, 3, 1)]);
    await start(reader);
    await count(reader, 11);
    await reader.consumer.commit(new Map([[0, 8], [1, 2]]));
    assert.deepEqual(await log.offsets(topic, group), [
      { partition: 0, earliest: 0, end: 8, committed: 8 },
      { partition: 1, earliest: 0, end: 3, committed: 2 },
      { partition: 2, earliest: 0, end: 0, committed: null },
    ]);
    assert.deepEqual(await log.offsets(topic, group, [1]), [
      { partition: 1, earliest: 0, end: 3, committed: 2 },
    ]);
    assert.deepEqual((await log.offsets(topic, group, [2, 0])).map(({ partition }) => partition), [0, 2]);
    const other = await log.offsets(topic, uniqueName("group"));
    assert.deepEqual(other.map(({ committed }) => committed), [null, null, null]);
  });

  test(
    "finds the first records from a time on, and the end where there is none",
    3,
    async ({ log, topic }) => {
      const at = (partition: number, timestamp: number) => ({ ...recordTo(partition, "x"), timestamp });
      const start = Date.now() - 60_000;
      await log.produce(topic, [
        at(0, start),
        at(0, start + 10),
        at(0, start + 5),
        at(0, start + 20),
        at(1, start),
      ]);
      const offsetsAt = async (timestamp: number) => {
        const found = await log.offsetsAt(topic, timestamp);
        return [0, 1, 2].map((partition) => found.get(partition));
      };
      assert.deepEqual(await offsetsAt(0), [0, 0, 0]);
      assert.deepEqual(await offsetsAt(start), [0, 0, 0]);
      assert.deepEqual(await offsetsAt(start + 1), [1, 1, 0]);
      assert.deepEqual(await offsetsAt(start + 10), [1, 1, 0]);
      assert.deepEqual(await offsetsAt(start + 11), [3, 1, 0]);
      assert.deepEqual(await offsetsAt(start + 21), [4, 1, 0]);
      await assert.rejects(log.offsetsAt(uniqueName("absent"), 0), /does not exist/);
    },
  );

  test("commits nothing by itself, and a commit moves nothing", 1, async ({ log, topic, group, reader }) => {
    await log.produce(topic, numbered(0, 10, 0));
    await start(reader);
    await count(reader, 10);
    assert.equal((await log.offsets(topic, group))[0]!.committed, null);
    await reader.consumer.commit(new Map([[0, 4]]));
    await log.produce(topic, numbered(10, 12, 0));
    await count(reader, 12);
    assert.deepEqual(reader.values(), numbers(0, 12));

    // Not even for the next member: the owner decides.
    await reader.consumer.stop();
    const next = new LogReader(log.consumer(topic, group));
    next.startAt = () => 11;
    await start(next);
    await count(next, 1);
    assert.deepEqual(next.values(), ["11"]);
    assert.equal((await log.offsets(topic, group))[0]!.committed, 4);
  });

  test("assigns anew after a rejoin, without earlier pauses", 2, async ({ log, topic, reader }) => {
    await log.produce(topic, [recordTo(0, "a"), recordTo(1, "a")]);
    await start(reader);
    await count(reader, 2);
    reader.consumer.pause([1]);
    await reader.consumer.rejoin();
    await reader.until("partitions are assigned again", () => reader.assignments.length === 2);
    await log.produce(topic, [recordTo(0, "b"), recordTo(1, "b")]);
    await count(reader, 4);
    assert.deepEqual(reader.assignments, [[0, 1], [0, 1]]);
    assert.deepEqual(reader.values(0), ["a", "b"]);
    assert.deepEqual(reader.values(1), ["a", "b"]);
    assert.deepEqual(reader.failures, []);
  });

  test("calls nobody after a stop", 1, async ({ log, topic, reader }) => {
    await log.produce(topic, [record("a")]);
    await start(reader);
    await count(reader, 1);
    await reader.consumer.stop();
    const other = new LogReader(log.consumer(topic, uniqueName("group")));
    await start(other);
    await log.produce(topic, [record("b")]);
    await count(other, 2);
    assert.deepEqual(reader.values(), ["a"]);
    assert.equal(reader.assignments.length, 1);
    assert.deepEqual(reader.failures, []);
    await reader.consumer.stop();
  });

  test("stops at once when it has only just been started", 1, async ({ log, topic, group, reader }) => {
    await log.produce(topic, [record("a")]);
    await start(reader);
    await reader.consumer.stop();
    const read = reader.batches.length;
    const next = new LogReader(log.consumer(topic, group));
    await start(next);
    await count(next, 1);
    assert.equal(reader.batches.length, read);
  });

  test("gives every group all records", 2, async ({ log, topic, reader }) => {
    const other = new LogReader(log.consumer(topic, uniqueName("group")));
    await Promise.all([start(reader), start(other)]);
    await log.produce(topic, [...numbered(0, 5, 0), ...numbered(0, 5, 1)]);
    await Promise.all([count(reader, 10), count(other, 10)]);
    assert.deepEqual(reader.values(0), other.values(0));
  });

  test("says what it is", 1, async ({ log }) => {
    const { detail, brokers } = await log.describe();
    assert.ok(brokers >= 1);
    assert.match(detail, /^(\d+ brokers? at \S+:\d+|topics in \S+)$/);
  });
}
