/** Fetches of kafkajs's own connections to brokers: how brokers are asked, and what kafkajs makes of their answers. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { fetchRecordSets, RecordSetsRack } from "../../src/log/kafka_fetch.ts";
import { loadProtocol } from "../../src/log/kafka_requests.ts";

const protocol = await loadProtocol();
const { default: KafkajsBroker } = await import("kafkajs/src/broker/index.js") as unknown as {
  default: new (options: object) => KafkajsBroker;
};
const { lookup } = await import("kafkajs/src/protocol/requests/index.js");

const fetchKey = 1;
const apiVersionsKey = 18;

type FetchRecordSets = Parameters<typeof fetchRecordSets>[0];

interface KafkajsBroker extends FetchRecordSets {
  fetch(request: object): Promise<Answer>;
}

interface Answer {
  readonly responses: readonly [{
    readonly topicName: string;
    readonly partitions: readonly [Readonly<Record<string, unknown>>];
  }];
}

/** A connection to a broker whose fetches go up to a version, while kafkajs takes another one for that. */
function broker(knows: { own: number; assumed: number }, answer: readonly number[]) {
  class Broker extends KafkajsBroker {}
  fetchRecordSets(Broker.prototype, protocol);
  const sent: { apiKey: number; apiVersion: number; bytes: Buffer }[] = [];
  const failing: Error[] = [];
  const connectionPool = {
    // deno-lint-ignore no-explicit-any -- kafkajs's request
    send: async ({ request, response }: any) => {
      const { apiKey, apiVersion, encode } = request;
      sent.push({ apiKey, apiVersion, bytes: (await encode()).buffer });
      const failure = failing.shift();
      if (failure) throw failure;
      if (apiKey === apiVersionsKey) {
        return { apiVersions: [{ apiKey: fetchKey, minVersion: 4, maxVersion: knows.own }] };
      }
      return await response.parse(await response.decode(Buffer.from(answer)));
    },
  };
  const logger = { namespace: () => ({}) };
  const one = new Broker({ connectionPool, logger, versions: { [fetchKey]: { maxVersion: knows.assumed } } });
  one.lookupRequest = lookup({ [fetchKey]: { maxVersion: knows.assumed } });
  const rack = new RecordSetsRack();
  const fetch = (rackId: unknown = rack) =>
    one.fetch({
      maxWaitTime: 100,
      maxBytes: 65_536,
      isolationLevel: 1,
      topics: [{ topic: "users", partitions: [{ partition: 3, fetchOffset: "5", maxBytes: 4_096 }] }],
      rackId,
    });
  const asked = () => sent.map(({ apiKey, apiVersion }) => [apiKey, apiVersion]);
  return { fetch, rack, sent, asked, failing, lookup: () => one.lookupRequest };
}

const id = "8PHy8_T19vf4-fr7_P3-_w";
const uuid = Array.from({ length: 16 }, (_, i) => 240 + i);
const int16 = (value: number) => [value >> 8 & 255, value & 255];
const int32 = (value: number) => [...int16(value >> 16), ...int16(value)];
const int64 = (value: number) => [...int32(Math.floor(value / 2 ** 32)), ...int32(value)];
const none = 0;

/** Answers of version 13: an error of the whole request, and the partition's. */
function answerById(error: number, partition: number | undefined): number[] {
  const head = [none, ...int32(0), ...int16(error), ...int32(0)];
  if (partition === undefined) return [...head, 1, none];
  const offsets = [...int64(9), ...int64(8), ...int64(2)];
  return [
    ...[...head, 2, ...uuid, 2, ...int32(3), ...int16(partition)],
    ...[...offsets, 1, ...int32(-1), 1, none, none, none],
  ];
}

function answerByName(): number[] {
  const topic = [...int32(1), ...int16(5), ...new TextEncoder().encode("users")];
  const partition = [...int32(1), ...int32(3), ...int16(0), ...int64(9), ...int64(8), ...int64(2)];
  return [
    ...int32(0),
    ...int16(0),
    ...int32(0),
    ...topic,
    ...partition,
    ...int32(0),
    ...int32(-1),
    ...int32(0),
  ];
}

Deno.test("a broker is asked by the topic's id when it knows that, and once whether it does", async () => {
  const { fetch, rack, sent, asked, lookup } = broker({ own: 16, assumed: 16 }, answerById(0, 0));
  const before = lookup();
  rack.topicId = id;
  const { responses } = await fetch();
  await fetch();
  assert.deepEqual(asked().map(([key]) => key), [apiVersionsKey, fetchKey, fetchKey]);
  assert.deepEqual([sent[1]!.apiVersion, sent[2]!.apiVersion], [13, 13]);
  assert.ok(sent[1]!.bytes.includes(Buffer.from(uuid)) && !sent[1]!.bytes.includes("users"));
  assert.equal(lookup(), before);
  assert.equal(responses[0].topicName, "users");
  const { partition, highWatermark, lastStableOffset, messages } = responses[0].partitions[0];
  assert.deepEqual([partition, highWatermark, lastStableOffset, messages], [3, "9", "8", []]);
});

for (const assumed of [11, 16]) {
  Deno.test(`a broker that knows no ids is asked by the name, where kafkajs thinks it has ${assumed}`, async () => {
    const { fetch, rack, sent, asked } = broker({ own: 12, assumed }, answerByName());
    rack.topicId = id;
    const { responses } = await fetch();
    assert.deepEqual(asked().at(-1), [fetchKey, 11]);
    assert.ok(sent.at(-1)!.bytes.includes("users"));
    assert.equal(responses[0].topicName, "users");
  });
}

Deno.test("a topic without an id is asked for by its name, and so is what others than Weir fetch", async () => {
  for (const rackId of [undefined, "a rack"]) {
    const { fetch, rack, asked } = broker({ own: 16, assumed: 16 }, answerByName());
    if (rackId) rack.topicId = id;
    const { responses } = await fetch(rackId);
    assert.deepEqual(asked(), [[fetchKey, 11]]);
    assert.equal(responses[0].topicName, "users");
  }
});

Deno.test("a broker that does not say what it knows is asked again with the next fetch", async () => {
  const { fetch, rack, asked, failing } = broker({ own: 16, assumed: 16 }, answerById(0, 0));
  rack.topicId = id;
  failing.push(new Error("connection reset"));
  await assert.rejects(fetch(), /connection reset/);
  await fetch();
  assert.deepEqual(asked().map(([key]) => key), [apiVersionsKey, apiVersionsKey, fetchKey]);
});

for (const code of [100, 103, 3]) {
  Deno.test(`error ${code} of a topic that is not there is the one that kafkajs knows`, async () => {
    const { fetch, rack } = broker({ own: 16, assumed: 16 }, answerById(0, code));
    rack.topicId = id;
    await assert.rejects(fetch(), { name: "KafkaJSProtocolError", type: "UNKNOWN_TOPIC_OR_PARTITION" });
  });
}

Deno.test("a position out of range is the named topic's", async () => {
  const { fetch, rack } = broker({ own: 16, assumed: 16 }, answerById(0, 1));
  rack.topicId = id;
  await assert.rejects(fetch(), { name: "KafkaJSOffsetOutOfRange", topic: "users", partition: 3 });
});

Deno.test("a request that fails as a whole is not taken for one that brought nothing", async () => {
  for (
    const [code, type] of [[56, "KAFKA_STORAGE_ERROR"], [-1, "UNKNOWN"], [100, "UNKNOWN_TOPIC_OR_PARTITION"]]
  ) {
    const { fetch, rack } = broker({ own: 16, assumed: 16 }, answerById(Number(code), undefined));
    rack.topicId = id;
    await assert.rejects(fetch(), { type });
  }
});
