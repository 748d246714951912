/** Requests that kafkajs does not have: what is sent, and what is made of answers, of older brokers and newer ones. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  type Cluster,
  fetchStableOffsets,
  fetchTopicId,
  loadProtocol,
} from "../../src/log/kafka_requests.ts";

const protocol = await loadProtocol();

/** A cluster of one broker, which knows these versions of requests, and answers with these bytes. */
function cluster(versions: Record<number, { maxVersion: number }>, answer: readonly number[] = []) {
  const sent: { apiKey: number; apiVersion: number; bytes: string }[] = [];
  const connectionPool = {
    // deno-lint-ignore no-explicit-any -- kafkajs's request
    send: async ({ request: { apiKey, apiVersion, encode }, response }: any) => {
      sent.push({ apiKey, apiVersion, bytes: (await encode()).buffer.toString("latin1") });
      return await response.parse(await response.decode(Buffer.from(answer)));
    },
  };
  const broker = { versions, connectionPool };
  const of = {
    brokerPool: { findConnectedBroker: () => Promise.resolve(broker) },
    findGroupCoordinator: () => Promise.resolve(broker),
  };
  return { cluster: of as unknown as Cluster, sent };
}

const text = (value: string) => [value.length + 1, ...new TextEncoder().encode(value)];
const int32 = (value: number) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
const none = 0;
/** One tagged field, as newer brokers may add anywhere: its number, its length, its bytes. */
const tagged = [1, 7, 3, 1, 2, 3];
const uuid = Array.from({ length: 16 }, (_, i) => 240 + i);

/** An answer to a request for metadata, up to where it is looked at. */
function metadataAnswer(tags: readonly number[], error: number, id: readonly number[]): number[] {
  const broker = (node: number) => [...int32(node), ...text("host"), ...int32(9092), none, ...tags];
  const brokers = [3, ...broker(1), ...broker(2)];
  const topic = [0, error, ...text("users"), ...id, 0];
  return [...tags, ...int32(0), ...brokers, ...text("the cluster"), ...int32(1), 2, ...topic];
}

for (const [what, tags] of Object.entries({ "an answer": [none], "an answer with more in it": tagged })) {
  Deno.test(`the id of a topic is taken from ${what}`, async () => {
    const { cluster: one, sent } = cluster({ 3: { maxVersion: 13 } }, metadataAnswer(tags, 0, uuid));
    assert.equal(await fetchTopicId(protocol, one, "users"), "8PHy8_T19vf4-fr7_P3-_w");
    const zeros = "\0".repeat(16);
    const bytes = `\0\x02${zeros}\x06users\0\0\0\0\0`;
    assert.deepEqual(sent, [{ apiKey: 3, apiVersion: 10, bytes }]);
  });
}

Deno.test("a topic without an id has none", async () => {
  const { cluster: one } = cluster({ 3: { maxVersion: 10 } }, metadataAnswer([none], 0, uuid.map(() => 0)));
  assert.equal(await fetchTopicId(protocol, one, "users"), undefined);
});

Deno.test("an absent topic is named by kafkajs's error", async () => {
  const { cluster: one } = cluster({ 3: { maxVersion: 13 } }, metadataAnswer([none], 3, uuid.map(() => 0)));
  await assert.rejects(fetchTopicId(protocol, one, "users"), { type: "UNKNOWN_TOPIC_OR_PARTITION" });
});

Deno.test("brokers that do not know the requests are not asked", async () => {
  for (const versions of [{}, { 3: { maxVersion: 9 }, 9: { maxVersion: 6 } }]) {
    const { cluster: old, sent } = cluster(versions);
    assert.equal(await fetchTopicId(protocol, old, "users"), undefined);
    assert.equal(await fetchStableOffsets(protocol, old, "group", "users", [0]), undefined);
    assert.deepEqual(sent, []);
  }
});

/** An answer to a request for a group's offsets in two partitions. */
function offsetsAnswer(tags: readonly number[], errors: readonly [partition: number, all: number]): number[] {
  const partition = (number: number, offset: readonly number[], error: number) => [
    ...int32(number),
    ...offset,
    ...int32(-1),
    ...text("note"),
    0,
    error,
    ...tags,
  ];
  const partitions = [
    3,
    ...partition(0, [0, 0, 0, 1, 0, 0, 0, 2], 0),
    ...partition(4, Array(8).fill(255), errors[0]),
  ];
  return [...tags, ...int32(0), 2, ...text("users"), ...partitions, ...tags, 0, errors[1], ...tags];
}

for (const [what, tags] of Object.entries({ "an answer": [none], "an answer with more in it": tagged })) {
  Deno.test(`stable offsets are taken from ${what}`, async () => {
    const { cluster: one, sent } = cluster({ 9: { maxVersion: 8 } }, offsetsAnswer(tags, [0, 0]));
    const offsets = await fetchStableOffsets(protocol, one, "group", "users", [0, 4]);
    assert.deepEqual(offsets, new Map([[0, 2 ** 32 + 2], [4, -1]]));
    const bytes = "\0\x06group\x02\x06users\x03\0\0\0\0\0\0\0\x04\0\x01\0";
    assert.deepEqual(sent, [{ apiKey: 9, apiVersion: 7, bytes }]);
  });
}

Deno.test("offsets that are not stable, and a group that cannot be read, are errors", async () => {
  for (
    const [errors, type] of [[[88, 0], "UNSTABLE_OFFSET_COMMIT"], [
      [0, 16],
      "NOT_COORDINATOR_FOR_GROUP",
    ]] as const
  ) {
    const { cluster: one } = cluster({ 9: { maxVersion: 8 } }, offsetsAnswer([none], errors));
    await assert.rejects(fetchStableOffsets(protocol, one, "group", "users", [0, 4]), { type });
  }
});
