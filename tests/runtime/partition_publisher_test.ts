import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { kafka, pipeline, text, topic } from "../../src/mod.ts";
import { openEmbeddedLog } from "../../src/log/embedded.ts";
import type { Log, Publication } from "../../src/log/mod.ts";
import type {
  PartitionPublisher,
  Publishable,
  PublishingOptions,
} from "../../src/runtime/partition_publisher.ts";
import { openPublishers } from "../../src/runtime/publishing.ts";
import type { Refusal } from "../../src/runtime/protocol.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";
import { readCursors } from "../../src/runtime/topic_cursor.ts";
import type { LastReset } from "../../src/warehouse/resets.ts";
import { setCursors } from "../support/set_cursors.ts";

const source = { group: "group", topic: "in" };
const plan = pipeline("job", {
  source: kafka("in", { group: "group", codec: text(), partitions: 1 }),
  outputs: (stream) => [
    stream.to(topic("a", { key: () => null, codec: text(), partitions: 1 })),
    stream.to(topic("b", { key: () => null, codec: text(), partitions: 1 })),
  ],
});

interface Context {
  readonly publisher: PartitionPublisher;
  readonly log: Log;
  readonly meter: SinkMeter;
  readonly refusals: Refusal[];
  readonly fences: string[];
  /** Called around each publication. */
  readonly hooks: { before: (publication: Publication) => void; after: (publication: Publication) => void };
  readonly publications: Publication[];
  /** The last reset of each partition, as the warehouse has it. */
  readonly resets: LastReset[];
  /** Waits until the publisher has told something that makes this true. */
  until(condition: () => boolean): Promise<void>;
  values(topic: string): string[];
  cursors(): Promise<(number | undefined)[]>;
}

/** Runs a test with a publisher of partition 0 that starts at an offset. */
function test(promise: string, start: number, run: (context: Context) => Promise<void>): void {
  Deno.test(`a partition's publisher ${promise}`, async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/log.db`;
    const embedded = openEmbeddedLog({ file, maxRecordBytes: 1_000 });
    for (const name of ["in", "a", "b"]) await embedded.createTopic(name, { partitions: 1 });
    const hooks: Context["hooks"] = { before: () => {}, after: () => {} };
    const publications: Publication[] = [];
    const resets: LastReset[] = [];
    let told: () => void = () => {};
    const log: PublishingOptions["log"] = {
      offsets: (...args) => embedded.offsets(...args),
      publisher: (id) => {
        const publisher = embedded.publisher(id);
        return {
          open: () => publisher.open(),
          close: () => publisher.close(),
          publish: async (publication) => {
            hooks.before(publication);
            await publisher.publish(publication);
            publications.push(publication);
            hooks.after(publication);
          },
        };
      },
    };
    const meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    const refusals: Refusal[] = [];
    const fences: string[] = [];
    const stopped = new AbortController();
    const options: PublishingOptions = {
      plan,
      source,
      log,
      resets: {
        last: () => Promise.resolve([...resets]),
        finish: (_, id, partitions) => {
          const done = (each: LastReset) => each.id === id && partitions.includes(each.partition);
          resets.splice(0, Infinity, ...resets.map((each) => done(each) ? { ...each, topics: [] } : each));
          return Promise.resolve();
        },
      },
      meters,
      signal: stopped.signal,
      now: () => performance.now(),
      published: () => told(),
      refused: (_partition, refusal) => (refusals.push(refusal), told()),
      fenced: (_partition, reason) => (fences.push(reason), told()),
    };
    const checkpoint = {
      partition: 0,
      epoch: 1,
      next: start,
      writeTime: 0,
      eventTime: null,
      watermark: null,
      idle: false,
    };
    const publisher = (await openPublishers(options, [checkpoint])).get(0)!;
    try {
      await run({
        publisher,
        log: embedded,
        meter: meters[0]!,
        refusals,
        fences,
        hooks,
        publications,
        resets,
        until: async (condition) => {
          while (!condition()) await new Promise<void>((resolve) => told = resolve);
        },
        values: (name) => {
          const database = new DatabaseSync(file, { readOnly: true });
          const rows = database.prepare(
            `select cast(value as text) as value from records join topics on id = topic
             where name = ? order by "offset"`,
          ).all(name) as { value: string }[];
          database.close();
          return rows.map(({ value }) => value);
        },
        cursors: async () => {
          const read = await readCursors(embedded, source, ["a", "b"], [0]);
          return [read.get("a")!.get(0), read.get("b")!.get(0)];
        },
      });
    } finally {
      stopped.abort();
      await publisher.close();
      await embedded.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** What the records from an offset on gave: one record to each topic. */
function stretch(from: number, next: number, value: (offset: number) => string = String): Publishable {
  const bytes = (offset: number) => new TextEncoder().encode(value(offset));
  const records = [0, 1].flatMap((output) =>
    Array.from({ length: next - from }, (_, i) => ({
      output,
      offset: from + i,
      record: { key: null, value: bytes(from + i), headers: [] },
    }))
  );
  return { from, next, records, bytes: 100 * (next - from) };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

test(
  "sets cursors that are absent to the warehouse's position at once",
  7,
  async ({ publisher, cursors }) => {
    assert.deepEqual(await cursors(), [7, 7]);
    assert.equal(publisher.position, 7);
  },
);

test("publishes in order, all that waits at once, and frees the memory", 0, async (context) => {
  const { publisher, publications, until, values, cursors } = context;
  for (let at = 0; at < 10; at++) publisher.add(stretch(at * 10, at * 10 + 10));
  assert.equal(publisher.heldBytes, 10_000);
  await until(() => publisher.isIdle);
  assert.equal(publisher.heldBytes, 0);
  assert.deepEqual(values("a"), numbers(0, 100));
  assert.deepEqual(values("b"), numbers(0, 100));
  assert.deepEqual(await cursors(), [100, 100]);
  assert.ok(publications.length <= 3, `${publications.length} publications`);
});

test("drops what leaves a gap, and what was given before", 0, async ({ publisher, until, values }) => {
  publisher.add(stretch(0, 10));
  publisher.add(stretch(20, 30));
  publisher.add(stretch(0, 5));
  publisher.add(stretch(5, 15));
  await until(() => publisher.isIdle);
  assert.deepEqual(values("a"), numbers(0, 15));
  assert.equal(publisher.position, 15);
});

for (const when of ["before", "after"] as const) {
  test(`loses and repeats nothing when the answer is lost ${when} it is done`, 0, async (context) => {
    const { publisher, hooks, until, values, cursors, meter } = context;
    let failures = 0;
    hooks[when] = () => {
      if (failures++ < 2) throw new Error("the connection is gone");
    };
    publisher.add(stretch(0, 10));
    publisher.add(stretch(10, 20));
    await until(() => publisher.isIdle);
    assert.deepEqual(values("a"), numbers(0, 20));
    assert.deepEqual(await cursors(), [20, 20]);
    const { retries, state, lastError } = meter.status(0);
    assert.deepEqual([retries > 0, state, lastError], [true, "ok", "the connection is gone"]);
  });
}

test("waits when another has taken over, and goes on after what that has published", 0, async (context) => {
  const { publisher, log, until, values, fences, cursors } = context;
  const other = log.publisher("group/in/0");
  await other.open();
  publisher.add(stretch(0, 10));
  await until(() => fences.length > 0);
  assert.deepEqual(values("a"), []);
  await other.publish({
    records: [0, 1, 2, 3].flatMap((n) =>
      ["a", "b"].map((name) => (
        { topic: name, record: { key: null, value: new TextEncoder().encode(`${n}`), headers: [] } }
      ))
    ),
    cursors: ["a", "b"].map((name) => ({ group: `group.${name}`, topic: "in", partition: 0, offset: 4 })),
  });
  publisher.resume();
  await until(() => publisher.isIdle);
  assert.deepEqual(values("a"), numbers(0, 10));
  assert.deepEqual(await cursors(), [10, 10]);
});

test("starts over where its cursors were set back to", 0, async (context) => {
  const { publisher, log, until, values, fences } = context;
  publisher.add(stretch(0, 10));
  await until(() => publisher.isIdle);
  for (const topic of ["a", "b"]) await setCursors(log, source, topic, new Map([[0, 6]]));
  publisher.add(stretch(10, 20));
  await until(() => fences.length === 1);
  publisher.resume();
  await until(() => fences.length === 2);
  assert.match(fences[1]!, /set back/);
  assert.deepEqual([publisher.position, publisher.isIdle], [6, true]);
  publisher.resume();
  publisher.add(stretch(6, 20));
  await until(() => publisher.isIdle);
  assert.deepEqual(values("a"), [...numbers(0, 10), ...numbers(6, 20)]);
});

test("drops what was read before a reset, and finishes that", 0, async (context) => {
  const { publisher, hooks, resets, until, values, cursors, fences } = context;
  publisher.add(stretch(0, 10));
  await until(() => publisher.isIdle);
  hooks.before = () => {
    hooks.before = () => {};
    // Of a topic that was made anew: what waits is beyond the new cursor, and not of this topic.
    resets.push({ partition: 0, id: "r", next: 12, exactly: true, topics: ["a", "b"] });
    throw new Error("the connection is gone");
  };
  publisher.add(stretch(10, 20));
  await until(() => fences.length > 0);
  assert.deepEqual([publisher.isIdle, publisher.position, await cursors()], [true, 12, [12, 12]]);
  assert.deepEqual(resets.map(({ topics }) => topics), [[]]);
  publisher.resume();
  publisher.add(stretch(12, 20));
  await until(() => publisher.isIdle);
  assert.deepEqual([values("a"), fences.length], [[...numbers(0, 10), ...numbers(12, 20)], 1]);
});

test("publishes what is before a record that is too large, and refuses that", 0, async (context) => {
  const { publisher, until, values, refusals, cursors } = context;
  const value = (offset: number) => offset === 13 ? "x".repeat(2_000) : `${offset}`;
  for (const [from, next] of [[0, 10], [10, 20], [20, 30]] as const) {
    publisher.add(stretch(from, next, value));
  }
  await until(() => refusals.length > 0 && publisher.isIdle);
  assert.deepEqual(values("b"), numbers(0, 13));
  assert.deepEqual(await cursors(), [13, 13]);
  assert.deepEqual([publisher.position, publisher.cursorOf("a"), publisher.heldBytes], [13, 13, 0]);
  assert.deepEqual([refusals[0]!.offset, refusals[0]!.stage], [13, "write a"]);
  publisher.add({ ...stretch(13, 14), records: [] });
  publisher.add(stretch(14, 30));
  await until(() => publisher.isIdle);
  assert.deepEqual(values("b"), [...numbers(0, 13), ...numbers(14, 30)]);
});

test("sets cursors again that have not moved for long", 5, async ({ publisher, publications, until }) => {
  publisher.refresh(-1);
  assert.ok(publisher.isIdle);
  publisher.refresh(Infinity);
  await until(() => publisher.isIdle);
  const moved = publications.at(-1)!;
  assert.deepEqual([moved.records.length, moved.cursors.map(({ offset }) => offset)], [0, [5, 5]]);
});
