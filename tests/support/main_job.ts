/**
 * What the main job's end-to-end tests share: real servers, records from another client, and the state of every store,
 * read back by code that shares nothing with what is tested.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type CommittedRecord, readCommitted } from "./committed_records.ts";
import { service } from "./env.ts";
import { createDatabase, type TestDatabase } from "./postgres_database.ts";

export interface MainJobStores extends AsyncDisposable {
  /** What a Weir process needs to find the servers. */
  readonly env: Record<string, string>;
  readonly database: TestDatabase;
  /** Makes topics anew, empty. */
  createTopics(topics: readonly string[], partitions: number, config?: Record<string, string>): Promise<void>;
  produce(
    topic: string,
    records: readonly { key: string | null; value: Uint8Array | string | null }[],
  ): Promise<void>;
  /** Everything in a topic, as a `read_committed` reader sees it. */
  read(topic: string): Promise<CommittedRecord[]>;
  /** Committed and end offsets of a group, per partition. */
  lag(topic: string, group: string): Promise<{ partition: number; committed: number; end: number }[]>;
  cql(query: string): Promise<Record<string, unknown>[]>;
}

/** True when all three servers are there. */
export const haveServers = service("kafka") !== undefined && service("cassandra") !== undefined &&
  service("postgres") !== undefined;

/** What `KAFKA_CLIENT` can choose. */
export const kafkaClients = ["kafkajs", "platformatic"] as const;

/** @param client What the Weir process is to reach Kafka with. */
export async function openStores(client: typeof kafkaClients[number]): Promise<MainJobStores> {
  const [broker, contactPoint, server] = [service("kafka")!, service("cassandra")!, service("postgres")!];
  const kafkajs = await import("kafkajs");
  const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  const cassandra = await import("cassandra-driver");
  const session = new cassandra.Client({ contactPoints: [contactPoint], localDataCenter: "datacenter1" });
  const admin = kafka.admin();
  const [database] = await Promise.all([createDatabase(server), session.connect(), admin.connect()]);
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: true });
  await producer.connect();

  return {
    env: {
      KAFKA_BROKERS: broker,
      KAFKA_CLIENT: client,
      CASSANDRA_CONTACT_POINTS: contactPoint,
      DATABASE_URL: database.url,
    },
    database,
    async createTopics(topics, numPartitions, config = {}) {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      const create = (topic: string) =>
        admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] }).catch(() => false);
      const remove = (topic: string) => admin.deleteTopics({ topics: [topic] }).catch(() => {});
      // A topic that is being deleted cannot be made at once, and a client that asks about it makes it by itself.
      for (const topic of topics) {
        while (!await create(topic)) {
          if ((await admin.listTopics()).includes(topic)) await remove(topic);
        }
      }
    },
    async produce(topic, records) {
      for (let at = 0; at < records.length; at += 1_000) {
        const messages = records.slice(at, at + 1_000).map(({ key, value }) => ({
          key,
          value: value === null ? null : Buffer.from(value as Uint8Array),
        }));
        await producer.send({ topic, messages, acks: -1 });
      }
    },
    read: (topic) => readCommitted(topic),
    async lag(topic, group) {
      const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const ends = await admin.fetchTopicOffsets(topic);
      return ends.map(({ partition, high }) => ({
        partition,
        committed: Number(committed!.partitions.find((each) => each.partition === partition)!.offset),
        end: Number(high),
      })).sort((a, b) => a.partition - b.partition);
    },
    async cql(query) {
      const rows: Record<string, unknown>[] = [];
      const all = session.stream(query, [], { autoPage: true, fetchSize: 5_000 }) as unknown as AsyncIterable<
        Record<string, unknown>
      >;
      for await (const row of all) rows.push(row);
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([producer.disconnect(), admin.disconnect(), session.shutdown()]);
      await database.drop();
    },
  };
}

/** A user as the topic `users_created` takes it. */
export function testUser(n: number): Record<string, string | number> {
  return {
    id: `user-${n}`,
    first_name: `First${n}`,
    last_name: "O'Last\t\\N",
    gender: n % 3 === 0 ? "male" : "female",
    address: `${n} Some Street, Zürich, 東京, Switzerland`,
    post_code: n % 2 === 0 ? n : `${n}`,
    email: `user.${n}@example.com`,
    username: `user${n}`,
    dob: "1985-07-14T03:21:09.123Z",
    registered_date: "2015-02-03T11:45:31.456Z",
    phone: `(555) ${n}`,
    picture: `https://example.com/${n}.jpg`,
  };
}

/** Records that no pipeline can read: each kind in turn. */
export function poison(n: number): { key: string | null; value: string | Uint8Array | null } {
  const values = [
    "{not json",
    "",
    null,
    JSON.stringify({ id: n }),
    JSON.stringify({ ...testUser(n), id: n }),
    Uint8Array.of(0xff, 0x00, 0xfe),
    JSON.stringify({ ...testUser(n), email: "no address" }),
    JSON.stringify({ ...testUser(n), first_name: "a\0b" }),
    "[]",
    "null",
  ];
  return { key: n % 2 === 0 ? null : `poison-${n}`, value: values[n % values.length]! };
}

/** The users in a topic that are good by its schema, by id: an independent reading of what the job should write. */
export function goodUsers(records: readonly CommittedRecord[]): Map<string, CommittedRecord> {
  const users = new Map<string, CommittedRecord>();
  for (const record of records) {
    const user = parse(record.value);
    if (user && Object.keys(testUser(0)).every((name) => isGood(name, user[name]))) {
      users.set(String(user.id), record);
    }
  }
  return users;
}

function isGood(name: string, value: unknown): boolean {
  if (name === "post_code" && typeof value === "number") return true;
  return typeof value === "string" && !value.includes("\0") && (name !== "email" || value.includes("@"));
}

function parse(value: Uint8Array | null): Record<string, unknown> | undefined {
  try {
    const parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value ?? new Uint8Array()));
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Every promise about where the records of `users_created` end, checked against the topic itself. */
export async function checkUsersJob(stores: MainJobStores): Promise<{ good: number; bad: number }> {
  const records = await stores.read("users_created");
  const good = goodUsers(records);
  const badOnes = records.filter((record) => !isUser(record));
  const ids = [...good.keys()].sort();
  assert.deepEqual(
    (await stores.cql("select id from spark_streams.created_users")).map((r) => String(r.id)).sort(),
    ids,
  );
  assert.deepEqual((await stores.database.query("select id from users")).map((row) => row.id!).sort(), ids);
  const goodRecords = records.filter(isUser).length;
  const [counted] = await stores.database.query("select sum(users)::text as n from users_per_minute");
  assert.equal(Number(counted!.n), goodRecords);
  for (const { partition, committed, end } of await stores.lag("users_created", "weir-users")) {
    assert.equal(Math.max(0, committed), end, `the group's offset of partition ${partition}`);
  }
  const positions = await stores.database.query(
    "select partition::text, next_offset::text from weir.positions",
  );
  for (const { partition, end } of await stores.lag("users_created", "weir-users")) {
    assert.equal(Number(positions.find((row) => Number(row.partition) === partition)!.next_offset), end);
  }
  const letters = await stores.read("users_created.dead-letter");
  assert.deepEqual(
    [...new Set(letters.map((letter) => letter.key!))].sort(),
    badOnes.map(({ partition, offset }) => `users_created-${partition}-${offset}`).sort(),
  );
  const values = new Map(
    badOnes.map((record) => [`users_created-${record.partition}-${record.offset}`, record.value]),
  );
  for (const { key, value } of letters) assert.deepEqual(value, values.get(key!), `the bytes of ${key}`);
  const enriched = (await stores.read("users_enriched")).map((record) => record.key!);
  assert.deepEqual([...new Set(enriched)].sort(), ids);
  assert.equal(enriched.length, goodRecords, "every record is enriched once");
  return { good: goodRecords, bad: badOnes.length };
}

function isUser(record: CommittedRecord): boolean {
  return goodUsers([record]).size === 1;
}
