import assert from "node:assert/strict";
import type { RecordOperator } from "../../src/operators/mod.ts";
import users, { enrich, enrichedSchema, isPlausible, toRow } from "../../src/pipelines/users.ts";
import { json, testPipeline } from "../../src/mod.ts";
import { fakerUsers } from "../../src/producers/faker_users.ts";
import { heldRun, produce } from "../support/producer_run.ts";

const user = {
  id: "508842d4-1f70-40df-82fa-fc12a3c1b0f4",
  first_name: "Jennie",
  last_name: "Nichols",
  gender: "female",
  address: "8929 Valwood Pkwy, Billings, Michigan, United States",
  post_code: "63104",
  email: "jennie.nichols@Example.com",
  username: "yellowpeacock117",
  dob: "1992-03-08T15:13:16.688Z",
  registered_date: "2007-07-09T05:51:59.390Z",
  phone: "(272) 790-0888",
  picture: "https://randomuser.me/api/portraits/med/men/75.jpg",
};
const record = {
  topic: "users_created",
  partition: 0,
  offset: 0,
  eventTime: 0,
  timestamp: Date.parse("2025-06-15T12:00:00Z"),
};

function decode(value: unknown) {
  return users.source.codec.decode(new TextEncoder().encode(JSON.stringify(value))) as typeof user;
}

Deno.test("users: the plan is the one that is promised", () => {
  assert.deepEqual(
    [
      users.name,
      users.source.topic,
      users.source.group,
      users.source.from,
      users.deadLetter,
      users.schedule!.cron,
    ],
    ["users", "users_created", "weir-users", "earliest", "users_created.dead-letter", "* * * * *"],
  );
  assert.deepEqual(users.outputs.map(({ sink }) => `${sink.kind} ${sink.name}`), [
    "cassandra spark_streams.created_users",
    "postgres users",
    "topic users_enriched",
    "postgres users_per_minute",
  ]);
  assert.deepEqual(users.nodes.map(({ parents, operator }) => [...parents, operator.name]), [
    [0, "validate(isPlausible)"],
    [1, "map(toRow)"],
    [2, "map(enrich)"],
    [2, "aggregate"],
  ]);
});

Deno.test("users: what its producer makes goes through the topic's codec unchanged", async () => {
  const { codec } = users.source;
  for (const { value } of await produce(users.schedule!.produce, heldRun())) {
    assert.deepEqual(codec.decode(codec.encode(value)), value);
  }
});

Deno.test("users: made-up users are plausible, and rich in everything", async () => {
  const enriched = json(enrichedSchema);
  for (const { value } of await produce(fakerUsers({ count: 200, seed: 5 }))) {
    assert.equal(isPlausible(value), true);
    const rich = enrich(toRow(value), record);
    assert.deepEqual(enriched.decode(enriched.encode(rich)), rich);
    assert.ok(rich.age! >= 20 && rich.age! <= 81, `${rich.age}`);
    assert.equal(rich.country, "United States");
    assert.match(rich.email_domain, /^example\.(com|net|org)$/);
  }
});

Deno.test("users: other clients may send a number as post code, fields of their own, and any text as id", () => {
  assert.equal(toRow(decode({ ...user, post_code: 63104 })).post_code, "63104");
  assert.equal(decode({ ...user, id: "user-1", shoe_size: 44 }).id, "user-1");
});

Deno.test("users: fields that are missing or of another type are named", () => {
  const { phone: _, ...incomplete } = user;
  assert.throws(() => decode(incomplete), /^Error: field phone should be string, is missing$/);
  assert.throws(() => decode({ ...user, gender: null }), /^Error: field gender should be string, is null$/);
  assert.throws(() => decode({ ...user, post_code: 1.5 }), /^Error: field post_code should be long, is 1.5$/);
  assert.throws(
    () => decode({ ...user, post_code: null }),
    /^Error: field post_code should be string or long, is null$/,
  );
});

Deno.test("users: implausible ones are refused with what is wrong", () => {
  assert.equal(isPlausible(user), true);
  assert.equal(isPlausible({ ...user, id: "" }), "id is empty");
  assert.equal(isPlausible({ ...user, email: "nobody" }), 'email "nobody" has no @');
  const [validate] = users.nodes;
  const apply = (validate!.operator as RecordOperator<never, unknown>).apply as RecordOperator<
    unknown,
    unknown
  >["apply"];
  assert.throws(() => apply({ ...user, id: "" }, () => {}, record), {
    name: "InvalidRecord",
    message: "id is empty",
  });
});

Deno.test("users: enriching tells what the fields and the record's time tell", () => {
  assert.deepEqual(enrich(user, record), {
    id: user.id,
    full_name: "Jennie Nichols",
    gender: "female",
    age: 33,
    email_domain: "example.com",
    country: "United States",
    registered_date: user.registered_date,
  });
  assert.equal(enrich({ ...user, address: "nowhere" }, record).country, null);
  assert.equal(enrich({ ...user, first_name: "" }, record).full_name, "Nichols");
});

Deno.test("users: an age goes up on the birthday, and is null when it cannot be told", () => {
  const age = (dob: string, at: string) => enrich({ ...user, dob }, { timestamp: Date.parse(at) }).age;
  assert.equal(age("1992-03-08T15:00:00Z", "2025-03-08T14:59:59Z"), 32);
  assert.equal(age("1992-03-08T15:00:00Z", "2025-03-08T15:00:00Z"), 33);
  assert.equal(age("1992-03-08", "1992-03-08T00:00:00Z"), 0);
  assert.equal(age("2000-02-29", "2025-02-28T12:00:00Z"), 24);
  assert.equal(age("2000-02-29", "2025-03-01T00:00:00Z"), 25);
  for (const dob of ["", "unknown", "12", "1992-13-40", "2030-01-01"]) {
    assert.equal(age(dob, "2025-06-15T12:00:00Z"), null, dob);
  }
});

Deno.test("users: a user comes to all four outputs, and one who is not plausible to the dead letters", async () => {
  const test = await testPipeline(users, { now: new Date("2025-06-15T12:00:30Z") });
  assert.equal(await test.produce(), 20);
  await test.send(
    { value: user, key: user.id },
    { value: { ...user, email: "jennie@example.org" }, key: user.id },
    { value: { ...user, id: "508842d4-1f70-40df-82fa-fc12a3c1b0f5", email: "nobody" } },
  );
  const [inCassandra, inPostgres] = [test.rows("spark_streams.created_users"), test.rows("users")];
  for (const rows of [inCassandra, inPostgres]) {
    assert.equal(rows.length, 21);
    assert.equal(rows.find(({ id }) => id === user.id)!.email, "jennie@example.org");
  }
  assert.deepEqual(test.records("users_enriched").at(-2)!.value, enrich(user, record));
  const perMinute = test.rows("users_per_minute");
  assert.equal(perMinute.reduce((sum, row) => sum + Number(row.users), 0), 22);
  assert.deepEqual(perMinute[0]!.window_start, new Date("2025-06-15T12:00:00Z"));
  assert.deepEqual(test.deadLetters.map(({ stage, reason }) => [stage, reason]), [
    ["validate(isPlausible)", 'email "nobody" has no @'],
  ]);
});
