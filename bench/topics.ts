import { kafkaClient } from "./services.ts";
import { until } from "./until.ts";

/** A record as kafkajs takes it. */
export interface BenchRecord {
  readonly key: string;
  readonly value: string;
  /** Milliseconds since 1970; default: now. */
  readonly timestamp?: number;
}

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
    waitForLeaders: true,
  });
  return {
    async [Symbol.asyncDispose]() {
      await remove();
      await admin.disconnect();
    },
  };
}

/** Writes records `from` to `to`, made by number. */
export async function fill(
  broker: string,
  topic: string,
  [from, to]: readonly [number, number],
  record: (n: number) => BenchRecord,
): Promise<void> {
  const producer = (await kafkaClient(broker)).producer();
  await producer.connect();
  for (let at = from; at < to; at += batchRecords) {
    const messages = Array.from({ length: Math.min(batchRecords, to - at) }, (_, i) => {
      const { key, value, timestamp } = record(at + i);
      return { key, value, ...(timestamp !== undefined && { timestamp: `${timestamp}` }) };
    });
    await producer.send({ topic, messages, acks: -1 });
  }
  await producer.disconnect();
}

const batchRecords = 2_000;
