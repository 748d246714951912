/** Cursors that a reset has left to be set are set once, by whoever has the publishers first, whatever comes in between. */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import { openEmbeddedLog } from "../../src/log/embedded.ts";
import type { Log } from "../../src/log/mod.ts";
import {
  type CursorServices,
  finishResets,
  settleCursors,
  whileFenced,
  withPublishers,
} from "../../src/runtime/reset_cursors.ts";
import { cursorAt, publisherId, readCursors } from "../../src/runtime/topic_cursor.ts";
import type { LastReset } from "../../src/warehouse/resets.ts";
import { setCursors } from "../support/set_cursors.ts";

const source = { group: "group", topic: "in" };
const topics = ["a", "b"];

interface Context {
  readonly log: Log;
  readonly services: CursorServices;
  readonly last: LastReset[];
  /** Called while the answer to what the last resets are is on its way, and before one is finished. */
  readonly hooks: { read: () => void | Promise<void>; finish: () => void };
  /** By topic, the cursors of the partitions that have one. */
  cursors(): Promise<Record<string, [number, number][]>>;
}

function test(promise: string, run: (context: Context) => Promise<void>): void {
  Deno.test(promise, async () => {
    const folder = await Deno.makeTempDir();
    const log = openEmbeddedLog({ file: `${folder}/log.db` });
    await log.createTopic("in", { partitions: 4 });
    const last: LastReset[] = [];
    const hooks: Context["hooks"] = { read: () => {}, finish: () => {} };
    const resets: CursorServices["resets"] = {
      last: async () => {
        const seen = [...last];
        await hooks.read();
        return seen;
      },
      // deno-lint-ignore require-await -- what the hook throws is to be a rejection
      finish: async (_, id, partitions) => {
        hooks.finish();
        for (const [i, each] of last.entries()) {
          if (each.id === id && partitions.includes(each.partition)) last[i] = { ...each, topics: [] };
        }
      },
    };
    const cursors = async () => {
      const read = await readCursors(log, source, topics, [0, 1, 2, 3]);
      return Object.fromEntries([...read].map(([topic, held]) => [topic, [...held]]));
    };
    try {
      await run({ log, services: { log, resets }, last, hooks, cursors });
    } finally {
      await log.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function reset(partition: number, next: number, exactly: boolean, of = topics): LastReset {
  return { partition, id: `r${partition}`, next, exactly, topics: of };
}

test("cursors behind a reset stay, others go back to it; or all go to it exactly", async (context) => {
  const { log, services, last, cursors } = context;
  await setCursors(log, source, "a", new Map([[0, 40], [1, 40], [2, 40]]));
  await setCursors(log, source, "b", new Map([[0, 70], [1, 70], [3, 70]]));
  last.push(reset(0, 60, false), reset(1, 60, true), reset(2, 30, false, ["a"]), reset(3, 50, false, []));
  await finishResets(services, source, [0, 1, 2, 3]);
  assert.deepEqual(await cursors(), {
    a: [[0, 40], [1, 60], [2, 30]],
    b: [[0, 60], [1, 60], [3, 70]],
  });
  assert.deepEqual(last.map((each) => each.topics), [[], [], [], []]);
});

test("a topic that had no cursor gets one", async ({ services, last, cursors }) => {
  last.push(reset(0, 60, false), reset(1, 60, true));
  await finishResets(services, source, [0, 1]);
  assert.deepEqual(await cursors(), { a: [[0, 60], [1, 60]], b: [[0, 60], [1, 60]] });
});

test("whoever opens publishers gets the cursors as they are then, and of other topics only sets them", async (context) => {
  const { log, services, last, cursors } = context;
  await setCursors(log, source, "a", new Map([[0, 70], [1, 80]]));
  last.push(reset(0, 60, false), reset(2, 50, false));
  const settled = await withPublishers(
    log,
    source,
    [0, 1],
    (publishers) => settleCursors(services, source, ["a", "c"], publishers),
  );
  assert.deepEqual(settled.cursors.get("a"), new Map([[0, 60], [1, 80]]));
  assert.deepEqual(settled.cursors.get("c"), new Map());
  assert.deepEqual(settled.resets, new Map([[0, "r0"]]));
  assert.deepEqual(await cursors(), { a: [[0, 60], [1, 80]], b: [[0, 60]] });
  assert.deepEqual(last.map((each) => each.topics), [[], topics], "partition 2 is another's");
});

test("a reset of partitions that are not there waits for them", async ({ services, last, cursors }) => {
  last.push(reset(1, 60, true), reset(7, 60, true));
  await finishResets(services, source, [0, 1, 2, 3]);
  assert.deepEqual(last.map((each) => each.topics), [[], topics]);
  assert.deepEqual(await cursors(), { a: [[1, 60]], b: [[1, 60]] });
});

test("nobody is fenced when nothing is left to be set", async ({ log, services, last }) => {
  last.push(reset(0, 60, false, []));
  const running = log.publisher(publisherId(source, 0));
  await running.open();
  await finishResets(services, source, [0, 1, 2, 3]);
  await running.publish({ records: [], cursors: [cursorAt(source, "a", 0, 1)] });
  await running.close();
});

test("one that ends before it is finished sets the same again", async ({ log, services, last, hooks, cursors }) => {
  await setCursors(log, source, "a", new Map([[0, 70]]));
  last.push(reset(0, 60, false));
  hooks.finish = () => {
    hooks.finish = () => {};
    throw new Error("the connection is gone");
  };
  await assert.rejects(finishResets(services, source, [0]), /gone/);
  assert.deepEqual([await cursors(), last[0]!.topics], [{ a: [[0, 60]], b: [[0, 60]] }, topics]);
  await finishResets(services, source, [0]);
  assert.deepEqual([await cursors(), last[0]!.topics], [{ a: [[0, 60]], b: [[0, 60]] }, []]);
});

test("one that comes late sets nothing again of what has gone on since", async (context) => {
  const { log, services, last, hooks, cursors } = context;
  await setCursors(log, source, "a", new Map([[0, 70]]));
  last.push(reset(0, 60, false));
  let others: (number | undefined)[] = [];
  hooks.read = async () => {
    hooks.read = () => {};
    await withPublishers(log, source, [0], async (publishers) => {
      const settled = await settleCursors(services, source, topics, publishers);
      others = topics.map((topic) => settled.cursors.get(topic)!.get(0));
      await publishers.get(0)!.publish({ records: [], cursors: [cursorAt(source, "a", 0, 90)] });
    });
  };
  await finishResets(services, source, [0]);
  assert.deepEqual(others, [60, 60]);
  assert.deepEqual(await cursors(), { a: [[0, 90]], b: [[0, 60]] });
});

test("one that is fenced while it sets cursors does not go on with what it has read", async (context) => {
  const { log, services, last, cursors } = context;
  await setCursors(log, source, "a", new Map([[0, 70]]));
  last.push(reset(0, 60, false));
  const late = log.publisher(publisherId(source, 0));
  await late.open();
  await finishResets(services, source, [0]);
  await setCursors(log, source, "a", new Map([[0, 90]]));
  last[0] = reset(0, 60, false);
  await assert.rejects(settleCursors(services, source, topics, new Map([[0, late]])), Fenced);
  assert.deepEqual([(await cursors()).a, last[0]!.topics], [[[0, 90]], topics]);
  await late.close();
});

Deno.test("what is fenced is tried again, but not for ever, and nothing else is", async () => {
  let tries = 0;
  const fencedFor = (times: number) => () => {
    if (tries++ < times) return Promise.reject(new Fenced("taken"));
    return Promise.resolve("done");
  };
  assert.equal(await whileFenced(fencedFor(3)), "done");
  await assert.rejects(whileFenced(fencedFor(Infinity)), Fenced);
  tries = 0;
  await assert.rejects(whileFenced(() => (tries++, Promise.reject(new Error("other")))), /other/);
  assert.equal(tries, 1);
});
