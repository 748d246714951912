import assert from "node:assert/strict";
import registeredUsers, { toRow } from "../../src/pipelines/registered_users.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
import { testPipeline } from "../../src/mod.ts";
import { heldRun, produce } from "../support/producer_run.ts";

Deno.test("registered_users: the plan is the one that is promised", () => {
  const { name, source, schedule, outputs, deadLetter } = registeredUsers;
  assert.deepEqual(
    [name, source.topic, source.group, source.from, schedule!.cron, deadLetter],
    [
      "registered_users",
      "registered_user_2",
      "spark-streaming-notes",
      "earliest",
      "* * * * *",
      "registered_user_2.dead-letter",
    ],
  );
  const table = outputs[0]!.sink as CassandraTable<never>;
  assert.deepEqual([outputs.length, table.kind, table.name], [1, "cassandra", "my_keyspace.user_details_5"]);
  assert.deepEqual(table.columns.map(({ name, type }) => `${name} ${type}`), [
    "name text",
    "address text",
    "data text",
  ]);
  assert.deepEqual(table.key, ["name"]);
});

Deno.test("registered_users: lines go through the topic's codec unchanged, and the year is the data", async () => {
  const { codec } = registeredUsers.source;
  const produced = await produce(registeredUsers.schedule!.produce, heldRun());
  assert.equal(produced.length, 20);
  for (const { value } of produced) {
    const bytes = codec.encode(value);
    assert.match(new TextDecoder().decode(bytes), /^[^$]+\$[^$]+\$\d{4}$/);
    assert.deepEqual(codec.decode(bytes), value);
  }
  assert.deepEqual(toRow({ name: "Ada", address: "London", year: "1815" }), {
    name: "Ada",
    address: "London",
    data: "1815",
  });
});

Deno.test("registered_users: lines become rows, and what has no three fields a dead letter", async () => {
  const test = await testPipeline(registeredUsers);
  assert.equal(await test.produce(), 20);
  await test.send({ bytes: "Ada$London$1815" }, { bytes: "Ada$London" });
  const rows = test.rows("my_keyspace.user_details_5");
  assert.deepEqual(rows.find(({ name }) => name === "Ada"), { name: "Ada", address: "London", data: "1815" });
  assert.deepEqual(test.deadLetters.map(({ stage, text }) => [stage, text]), [["decode", "Ada$London"]]);
  assert.deepEqual(test.counts, { in: 22, out: 21, filtered: 0, deadLettered: 1, late: 0, ahead: 0 });
});
