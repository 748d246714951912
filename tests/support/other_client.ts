/** What another program does to the Kafka that tests use. */
import { setTimeout } from "node:timers/promises";
import type { Admin, ITopicConfig, Kafka } from "kafkajs";
import { loadKafkaClients } from "../../src/log/kafka_client.ts";
import { service } from "./env.ts";

export async function otherClient(): Promise<Kafka> {
  const clients = await loadKafkaClients({ brokers: [service("kafka")!], clientId: "other" });
  return clients().kafka;
}

/** Makes a topic with a limit for its records. */
export async function createTopicOf(topic: string, maxMessageBytes: number, partitions = 1): Promise<void> {
  const admin = (await otherClient()).admin();
  await admin.connect();
  await makeTopic(admin, {
    topic,
    numPartitions: partitions,
    configEntries: [{ name: "max.message.bytes", value: `${maxMessageBytes}` }],
  });
  await admin.disconnect();
}

/** Makes a topic, and waits until its leaders are there: kafkajs itself gives up when a broker has not heard of it yet. */
export async function makeTopic(admin: Admin, config: ITopicConfig): Promise<boolean> {
  const made = await admin.createTopics({ topics: [config], waitForLeaders: false });
  const start = performance.now();
  const isThere = async () => {
    const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [config.topic] });
    return found!.partitions.length > 0 && found!.partitions.every(({ leader }) => leader >= 0);
  };
  while (
    !await isThere().catch((error) => performance.now() - start > 30_000 ? Promise.reject(error) : false)
  ) {
    await setTimeout(50);
  }
  return made;
}

/** Deletes a topic, and waits until it is gone: until then no other of its name can be made. */
export async function deleteTopic(topic: string): Promise<void> {
  const admin = (await otherClient()).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic)) await setTimeout(20);
  } finally {
    await admin.disconnect();
  }
}
