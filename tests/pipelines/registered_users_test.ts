import assert from "node:assert/strict";
import registeredUsers, { toRow } from "../../src/pipelines/registered_users.ts";
import type { CassandraTable } from "../../src/pipeline.ts";
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
