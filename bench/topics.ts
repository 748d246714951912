import { loadPlatformatic } from "../src/log/platformatic_client.ts";
import { Batches, type BenchMessage, type BenchRecord } from "./batches.ts";
import { kafkaClient } from "./services.ts";
import { until } from "./until.ts";

/** What makes a topic. */
export interface BenchTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Settings of the topic; by default nothing is removed, whatever its timestamps are. */
  readonly config?: Readonly<Record<string, string>>;
}

/** An empty topic in place of whatever had that name; disposing of it deletes it. */
export async function freshTopic(
  broker: string,
  { topic, partitions, config }: BenchTopic,
): Promise<AsyncDisposable> {
  const settings = config ?? { "retention.ms": "-1" };
  const admin = (await kafkaClient(broker)).admin();
  await admin.connect();
  const remove = async () => {
    if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  };
  await remove();
  await until(`the topic ${topic} is gone`, async () => !(await admin.listTopics()).includes(topic));
  await admin.createTopics({
    topics: [{
      topic,
      numPartitions: partitions,
      configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
    }],
    // kafkajs gives up at once when the broker it asks has not heard of the topic yet.
    waitForLeaders: false,
  });
  await until(`each partition of the topic ${topic} has a leader`, async () => {
    const { topics: [made] } = await admin.fetchTopicMetadata({ topics: [topic] });
    return made!.partitions.length === partitions && made!.partitions.every(({ leader }) => leader >= 0);
  });
  return {
    async [Symbol.asyncDispose]() {
      await remove();
      await admin.disconnect();
    },
  };
}

/**
 * Writes records `from` to `to`, made by number, spread over the partitions by their keys. A partition gets batches of
 * the same size however many there are, so that reading a batch costs the same.
 */
export async function fill(
  broker: string,
  topic: string,
  [from, to]: readonly [number, number],
  record: (n: number) => BenchRecord,
): Promise<void> {
  const { library, options } = await loadPlatformatic({ brokers: [broker], clientId: "weir-bench" });
  const producer = new library.Producer({ ...options, serializers: library.stringSerializers });
  try {
    const { topics } = await producer.metadata({ topics: [topic] });
    const batches = new Batches(topic, topics.get(topic)!.partitionsCount);
    // One request is with the broker while the records of the next are made; the order of a partition is kept.
    let sending: Promise<unknown> = Promise.resolve();
    const send = async (messages: readonly BenchMessage[]) => {
      await sending;
      sending = producer.send({ messages: [...messages], acks: library.ProduceAcks.ALL });
    };
    for (let n = from; n < to; n++) {
      const full = batches.add(record(n));
      if (full) await send(full);
    }
    for (const rest of batches.rest()) await send(rest);
    await sending;
  } finally {
    await producer.close(true);
  }
}
