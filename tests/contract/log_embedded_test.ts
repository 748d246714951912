import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ServiceError } from "../../src/errors.ts";
import { openEmbeddedLog } from "../../src/log/embedded.ts";
import { LogReader } from "../support/log_reader.ts";
import { logSuite, type LogUnderTest, recordTo } from "./log_suite.ts";
import { publisherSuite } from "./publisher_suite.ts";

const embedded: LogUnderTest = {
  name: "embedded log",
  ignore: false,
  open: async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/log.sqlite`;
    const log = openEmbeddedLog({ file });
    return {
      log,
      createLargeTopic: async (topic) => {
        const large = openEmbeddedLog({ file, maxRecordBytes: 4_000_000 });
        await large.createTopic(topic, { partitions: 1 });
        await large.close();
      },
      close: async () => {
        await log.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

logSuite(embedded);
publisherSuite(embedded);

/** Runs a test with a file that goes afterwards. */
async function withFile(run: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/log.sqlite`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("embedded log: holds topics, records and positions after it was closed", async () => {
  await withFile(async (file) => {
    const first = openEmbeddedLog({ file });
    await first.createTopic("users", { partitions: 2 });
    await first.produce("users", [recordTo(0, "a"), recordTo(1, "b"), recordTo(1, "c")]);
    await first.consumer("users", "readers").commit(new Map([[1, 1]]));
    await first.close();

    const second = openEmbeddedLog({ file });
    await second.produce("users", [recordTo(1, "d")]);
    assert.deepEqual(await second.offsets("users", "readers"), [
      { partition: 0, earliest: 0, end: 1, committed: null },
      { partition: 1, earliest: 0, end: 3, committed: 1 },
    ]);
    const reader = new LogReader(second.consumer("users", "readers"));
    await reader.consumer.start(reader);
    await reader.until("all is read", () => reader.records().length === 4);
    assert.deepEqual(reader.values(1), ["b", "c", "d"]);
    await second.close();
  });
});

Deno.test("embedded log: a topic keeps its id, and has another one in another file", async () => {
  await withFile(async (file) => {
    const ids: (string | undefined)[] = [];
    for (const each of [file, file, `${file}-2`]) {
      const log = openEmbeddedLog({ file: each });
      await log.createTopic("users", { partitions: 2 });
      ids.push(await log.topicId("users"));
      await log.close();
    }
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], ids[2]);
  });
});

Deno.test("embedded log: gives ids to the topics of a file of before they had any", async () => {
  await withFile(async (file) => {
    const old = openEmbeddedLog({ file });
    for (const topic of ["users", "orders"]) await old.createTopic(topic, { partitions: 1 });
    await old.produce("users", [recordTo(0, "a")]);
    await old.close();
    const db = new DatabaseSync(file);
    db.exec("alter table topics drop column uuid; pragma user_version = 1");
    db.close();

    const ids: (string | undefined)[] = [];
    for (let opened = 0; opened < 2; opened++) {
      const log = openEmbeddedLog({ file });
      await log.createTopic("later", { partitions: 1 });
      for (const topic of ["users", "orders", "later"]) ids.push(await log.topicId(topic));
      assert.equal((await log.offsets("users", "readers"))[0]!.end, 1);
      await log.close();
    }
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every((id) => id!.length === 32));
    assert.deepEqual(ids.slice(0, 3), ids.slice(3));
  });
});

Deno.test("embedded log: writes all of a call or nothing", async () => {
  await withFile(async (file) => {
    const log = openEmbeddedLog({ file });
    await log.createTopic("users", { partitions: 1 });
    await assert.rejects(log.produce("users", [recordTo(0, "a"), recordTo(1, "b")]), RangeError);
    await log.produce("users", [recordTo(0, "c")]);
    const reader = new LogReader(log.consumer("users", "readers"));
    await reader.consumer.start(reader);
    await reader.until("the record is read", () => reader.records().length > 0);
    assert.deepEqual(reader.values(), ["c"]);
    assert.deepEqual(reader.records().map(({ offset }) => offset), [0]);
    await log.close();
  });
});

Deno.test("embedded log: refuses a second member of a group, until the first has stopped", async () => {
  await withFile(async (file) => {
    const log = openEmbeddedLog({ file });
    await log.createTopic("users", { partitions: 1 });
    const first = new LogReader(log.consumer("users", "readers"));
    await first.consumer.start(first);
    const second = new LogReader(log.consumer("users", "readers"));
    await assert.rejects(second.consumer.start(second), /set KAFKA_BROKERS to share the partitions/);
    await first.consumer.stop();
    await second.consumer.start(second);
    await second.until("partitions are assigned", () => second.assignments.length === 1);
    await log.close();
  });
});

Deno.test("embedded log: says why a file cannot be opened", async () => {
  await withFile(async (file) => {
    assert.throws(() => openEmbeddedLog({ file: `${file}/no/such/folder` }), (error: Error) => {
      assert.ok(error instanceof ServiceError);
      assert.match(error.message, /^Cannot open the embedded log at .*no\/such\/folder: /);
      return true;
    });
    await Deno.writeTextFile(file, "this is no database, however long the text may be".repeat(100));
    assert.throws(() => openEmbeddedLog({ file }), ServiceError);
  });
});
