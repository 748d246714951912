import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import {
  type Cursor,
  type Log,
  type Publication,
  type Publisher,
  RecordTooLarge,
} from "../../src/log/mod.ts";
import { LogReader } from "../support/log_reader.ts";
import { uniqueName } from "../support/env.ts";
import { type LogUnderTest, record, recordTo } from "./log_suite.ts";

/** What a test gets: the publisher is open, and everything is closed at the end. */
interface Context {
  readonly log: Log;
  readonly id: string;
  readonly publisher: Publisher;
  /** Of four partitions. */
  readonly source: string;
  /** Of two partitions each. */
  readonly topics: readonly [string, string];
  readonly group: string;
  /** A publisher of an id, opened. */
  another(id: string): Promise<Publisher>;
  cursor(partition: number, offset: number): Cursor;
  /** Where the group stands in each partition of the source; final once another publisher has been opened. */
  cursors(): Promise<(number | null)[]>;
  /** A publication of one record for partition 0 of the first topic, which moves the cursor of partition 0. */
  one(value: string, offset: number): Publication;
}

/** Registers the tests of what `src/log/mod.ts` promises of publishers. */
export function publisherSuite({ name, ignore, open }: LogUnderTest): void {
  function test(promise: string, run: (context: Context) => Promise<void>): void {
    Deno.test({
      name: `${name}: ${promise}`,
      ignore,
      fn: async () => {
        const { log, close } = await open();
        const publishers: Publisher[] = [];
        const another = async (id: string) => {
          const publisher = log.publisher(id);
          publishers.push(publisher);
          await publisher.open();
          return publisher;
        };
        try {
          const id = uniqueName("publisher");
          const group = uniqueName("cursor");
          const source = uniqueName("source");
          const topics = [uniqueName("output"), uniqueName("output")] as const;
          await log.createTopic(source, { partitions: 4 });
          for (const topic of topics) await log.createTopic(topic, { partitions: 2 });
          const cursor = (partition: number, offset: number) => ({ group, topic: source, partition, offset });
          await run({
            log,
            id,
            publisher: await another(id),
            source,
            topics,
            group,
            another,
            cursor,
            cursors: async () => (await log.offsets(source, group)).map(({ committed }) => committed),
            one: (value, offset) => ({
              records: [{ topic: topics[0], record: recordTo(0, value) }],
              cursors: [cursor(0, offset)],
            }),
          });
        } finally {
          for (const publisher of publishers) await publisher.close();
          await close();
        }
      },
    });
  }

  /** All committed values of a partition up to one that is expected to be the last. */
  async function valuesUpTo(log: Log, topic: string, partition: number, last: string): Promise<unknown[]> {
    const reader = new LogReader(log.consumer(topic, uniqueName("group")));
    await reader.consumer.start(reader);
    await reader.until(`${last} is read`, () => reader.values(partition).includes(last));
    await reader.consumer.stop();
    return reader.values(partition);
  }

  test("publishes to several topics in order, and moves cursors with it", async (context) => {
    const { log, id, publisher, topics, source, cursor, another } = context;
    const groups = [uniqueName("cursor"), uniqueName("cursor")];
    for (let round = 0; round < 5; round++) {
      await publisher.publish({
        records: topics.flatMap((topic) => [
          { topic, record: recordTo(0, `${round} a`) },
          { topic, record: recordTo(1, `${round}`) },
          { topic, record: recordTo(0, `${round} b`) },
        ]),
        cursors: groups.flatMap((group, i) => [
          { ...cursor(1, round * 10 + i), group },
          { ...cursor(3, round * 100 + i), group },
        ]),
      });
    }
    for (const topic of topics) {
      const inOrder = [0, 1, 2, 3, 4].flatMap((round) => [`${round} a`, `${round} b`]);
      assert.deepEqual(await valuesUpTo(log, topic, 0, "4 b"), inOrder);
      assert.deepEqual(await valuesUpTo(log, topic, 1, "4"), ["0", "1", "2", "3", "4"]);
    }
    await another(id);
    for (const [i, group] of groups.entries()) {
      const committed = (await log.offsets(source, group)).map((each) => each.committed);
      assert.deepEqual(committed, [null, 40 + i, null, 400 + i]);
    }
  });

  test("publishes many records at once", async ({ log, publisher, topics, cursor }) => {
    const values = Array.from({ length: 5_000 }, (_, i) => `${i}`.padEnd(500));
    const records = values.map((value) => ({ topic: topics[0], record: recordTo(1, value) }));
    await publisher.publish({ records, cursors: [cursor(0, 5_000)] });
    assert.deepEqual(await valuesUpTo(log, topics[0], 1, values.at(-1)!), values);
  });

  test("moves cursors without records, back too, and publishes nothing without a cursor", async (context) => {
    const { id, publisher, topics, cursor, cursors, another } = context;
    await publisher.publish({ records: [], cursors: [cursor(2, 7)] });
    await publisher.publish({ records: [], cursors: [cursor(2, 8)] });
    const next = await another(id);
    assert.deepEqual(await cursors(), [null, null, 8, null]);
    await next.publish({ records: [], cursors: [cursor(2, 0)] });
    const last = await another(id);
    assert.deepEqual(await cursors(), [null, null, 0, null]);
    const records = [{ topic: topics[0], record: record("a") }];
    await assert.rejects(last.publish({ records, cursors: [] }), /give one at least/);
  });

  test("fences the publisher before", async ({ log, id, publisher, topics, cursors, another, one }) => {
    await publisher.publish(one("first", 1));
    const later = await another(id);
    assert.deepEqual(await cursors(), [1, null, null, null]);
    await assert.rejects(publisher.publish(one("zombie", 5)), Fenced);
    await later.publish(one("second", 2));
    await assert.rejects(publisher.publish(one("zombie again", 6)));
    await later.publish(one("third", 3));
    assert.deepEqual(await valuesUpTo(log, topics[0], 0, "third"), ["first", "second", "third"]);
    await another(id);
    assert.deepEqual(await cursors(), [3, null, null, null]);
  });

  test("leaves publishers of other ids alone", async ({ log, publisher, topics, cursor, another, one }) => {
    const other = await another(uniqueName("publisher"));
    await publisher.publish(one("a", 1));
    await other.publish({ ...one("b", 0), cursors: [cursor(1, 1)] });
    await publisher.publish(one("c", 2));
    assert.deepEqual(await valuesUpTo(log, topics[0], 0, "c"), ["a", "b", "c"]);
  });

  test("publishes all or nothing, and the next publisher goes on", async (context) => {
    const { log, id, publisher, topics, cursors, another, one } = context;
    await publisher.publish(one("before", 1));
    const absent = { topic: uniqueName("absent"), record: record("no") };
    const { records, cursors: moved } = one("no", 2);
    await assert.rejects(
      publisher.publish({ records: [...records, absent], cursors: moved }),
      /does not exist/,
    );
    const next = await another(id);
    assert.deepEqual(await cursors(), [1, null, null, null]);
    await assert.rejects(
      next.publish({
        records: [...records, { topic: topics[1], record: recordTo(2, "no") }],
        cursors: moved,
      }),
    );
    const last = await another(id);
    assert.deepEqual(await cursors(), [1, null, null, null]);
    await last.publish(one("after", 2));
    assert.deepEqual(await valuesUpTo(log, topics[0], 0, "after"), ["before", "after"]);
  });

  test("names a record that is too large, and publishes nothing of its publication", async (context) => {
    const { log, id, publisher, topics, cursor, cursors, another, one } = context;
    const large = recordTo(0, "x".repeat(3_000_000));
    const records = [recordTo(0, "no"), large, recordTo(0, "no")].map((each) => ({
      topic: topics[0],
      record: each,
    }));
    await assert.rejects(publisher.publish({ records, cursors: [cursor(0, 3)] }), (error) => {
      assert.ok(error instanceof RecordTooLarge, `${error}`);
      assert.equal(error.record, large);
      return true;
    });
    const next = await another(id);
    assert.deepEqual(await cursors(), [null, null, null, null]);
    await next.publish(one("small", 3));
    assert.deepEqual(await valuesUpTo(log, topics[0], 0, "small"), ["small"]);
  });
}
