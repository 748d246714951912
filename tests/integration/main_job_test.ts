/** The main job on a real Kafka, Cassandra and Postgres, as one process and as several, through crashes. */
import assert from "node:assert/strict";
import type { Status } from "../../src/status/snapshot.ts";
import {
  checkUsersJob,
  haveServers,
  kafkaClients,
  type MainJobStores,
  openStores,
  poison,
  testUser,
} from "../support/main_job.ts";
import { startWeir, type WeirProcess } from "../support/weir_process.ts";

/** How many good records the main test has; the task `test:full` has 500,000. */
const size = Number(Deno.env.get("WEIR_TEST_RECORDS") ?? 20_000);
const topics = ["users_created", "users_created.dead-letter", "users_enriched"];
const mainModule = new URL("../../main.ts", import.meta.url).pathname;

function startUsers(stores: MainJobStores, more: { args?: string[]; pipeline?: string } = {}): WeirProcess {
  return startWeir({
    command: [
      Deno.execPath(),
      "run",
      "--allow-all",
      mainModule,
      "run",
      more.pipeline ?? "users",
      ...more.args ?? [],
    ],
    dataDir: "unused",
    env: stores.env,
  });
}

/** Fresh topics and tables, with `good` users and `bad` poison records in between, produced by another client. */
async function prepare(stores: MainJobStores, good: number, bad: number): Promise<void> {
  await stores.createTopics(topics, 8, { "max.message.bytes": `${20 << 20}` });
  await stores.cql("drop keyspace if exists spark_streams");
  const every = Math.floor(good / Math.max(1, bad));
  const records = Array.from(
    { length: good },
    (_, n) => ({ key: `user-${n}`, value: JSON.stringify(testUser(n)) }),
  );
  const mixed = records.flatMap((record, n) =>
    bad > 0 && n % every === 0 && n / every < bad ? [poison(n / every), record] : [record]
  );
  await stores.produce("users_created", mixed);
}

/** Gives the status when so many records have come in and none is left. */
function isDone(records: number): (status: Status) => Status | undefined {
  return (status) => {
    const users = status.pipelines[0];
    const lag = users?.partitions.reduce((sum, partition) => sum + partition.lag, 0);
    return users?.state === "running" && users.records.in >= records && lag === 0 ? status : undefined;
  };
}

/** Registers a test for each client that Kafka can be reached with. */
function test(name: string, run: (stores: MainJobStores) => Promise<void>): void {
  for (const client of kafkaClients) {
    Deno.test({
      name: `${client}: ${name}`,
      ignore: !haveServers,
      fn: async () => {
        await using stores = await openStores(client);
        await run(stores);
      },
    });
  }
}

test("every record is in all sinks or in the dead letters, and counted", async (stores) => {
  const bad = Math.ceil(size / 500);
  await prepare(stores, size, bad);
  await stores.produce("users_created", [{ key: null, value: "x".repeat(10_000_000) }]);
  await using weir = startUsers(stores);
  const status = await weir.until("all is written", isDone(size + bad + 1));
  const { records, sinks } = status.pipelines[0]!;
  assert.equal(records.in, records.out + records.filtered + records.deadLettered);
  assert.equal(records.deadLettered, bad + 1);
  assert.equal(sinks.find(({ kind }) => kind === "dead-letter")!.written, bad + 1);
  const metrics = await (await fetch(`${weir.url}/metrics`)).text();
  assert.match(
    metrics,
    /kafka_consumergroup_lag_sum\{consumergroup="weir-users",topic="users_created"\} 0/,
  );
  assert.equal(await weir.stop(), 0);
  const { good, bad: letters } = await checkUsersJob(stores);
  assert.equal(letters, bad + 1);
  assert.equal((good - size) % 20, 0, "beside ours there are only the schedule's 20 a run");
});

test("a process that is killed in the middle is continued exactly", async (stores) => {
  await prepare(stores, 20_000, 40);
  // Slow enough to be seen at work: a few hundred records in each twentieth of a second.
  const args = ["--max-batch-records", "200", "--memory-bytes", "65536", "--commit-interval-ms", "50"];
  for (const enough of [1, 4_000, 8_000]) {
    await using weir = startUsers(stores, { args });
    await weir.until(
      "some are written",
      ({ pipelines: [users] }) => users && users.records.in >= enough || undefined,
    );
    await weir.kill();
  }
  await using weir = startUsers(stores);
  await weir.until("all is written", isDone(1));
  assert.equal(await weir.stop(), 0);
  await checkUsersJob(stores);
});

test("several processes share the partitions, and any may leave or die", async (stores) => {
  await prepare(stores, 30_000, 60);
  const args = ["--max-batch-records", "100"];
  await using first = startUsers(stores, { args });
  await first.until("it writes", ({ pipelines: [users] }) => users && users.records.in > 0 || undefined);
  await using second = startUsers(stores, { args });
  const shared = ({ pipelines: [users] }: Status) =>
    users && users.partitions.filter(({ worker }) => worker !== null).length === 4 || undefined;
  await Promise.all([
    first.until("it has half of the partitions", shared),
    second.until("and the other the rest", shared),
  ]);
  await stores.produce(
    "users_created",
    Array.from({ length: 5_000 }, (_, n) => (
      { key: `late-${n}`, value: JSON.stringify(testUser(50_000 + n)) }
    )),
  );
  await first.kill();
  await second.until(
    "it has taken over",
    ({ pipelines: [users] }) =>
      users?.partitions.every(({ worker, lag }) => worker !== null && lag === 0) || undefined,
  );
  assert.equal(await second.stop(), 0);
  await checkUsersJob(stores);
});

test("rows that a table refuses become dead letters, and all others are written", async (stores) => {
  await prepare(stores, 3_000, 0);
  const columns = Object.keys(testUser(0)).map((name) => `${name} text not null`).join(", ");
  await stores.database.query(
    `create table users (${columns}, primary key (id), check (phone not in ('(555) 7', '(555) 2999')))`,
  );
  await using weir = startUsers(stores);
  const status = await weir.until("all is written", isDone(3_000));
  assert.equal(status.pipelines[0]!.records.deadLettered, 2);
  assert.equal(await weir.stop(), 0);
  const letters = await stores.read("users_created.dead-letter");
  // Dead letters are written at least once: a refusal in the same lane makes it start over before they are committed.
  const ids = new Set(letters.map(({ value }) => JSON.parse(new TextDecoder().decode(value!)).id));
  assert.deepEqual([...ids].sort(), ["user-2999", "user-7"]);
  for (const { headers } of letters) {
    assert.equal(String(headers.get("weir.stage")), "write users");
    assert.match(String(headers.get("weir.error")), /violates check constraint/);
  }
  const [rows] = await stores.database.query(
    "select count(*)::text as n, count(*) filter (where id like 'user-%')::text as ours from users",
  );
  assert.equal(rows!.ours, "2998");
  const [counted] = await stores.database.query("select sum(users)::text as n from users_per_minute");
  assert.equal(counted!.n, rows!.n, "a record that was refused is in no result");
});

test("registered users end in their table", async (stores) => {
  const topic = "registered_user_2";
  await stores.createTopics([topic, `${topic}.dead-letter`], 4);
  await stores.cql("drop keyspace if exists my_keyspace");
  await stores.produce(topic, [
    { key: null, value: "Ada Lovelace$12 Street$1815" },
    { key: null, value: "no separators" },
    { key: null, value: "Ünal$Straße$2001" },
  ]);
  await using weir = startUsers(stores, { pipeline: "registered_users" });
  await weir.until("all is written", isDone(4));
  assert.equal(await weir.stop(), 0);
  const names = (await stores.read(topic)).map(({ value }) => new TextDecoder().decode(value!).split("$"))
    .filter((f) => f.length === 3);
  const rows = await stores.cql("select name, address, data from my_keyspace.user_details_5");
  assert.deepEqual(
    rows.map(({ name, address, data }) => `${name}$${address}$${data}`).sort(),
    [...new Map(names.map((fields) => [fields[0], fields.join("$")])).values()].sort(),
  );
  assert.equal((await stores.read(`${topic}.dead-letter`)).length, 1);
});
