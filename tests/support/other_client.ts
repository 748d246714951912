/** What another program does to the Kafka that tests use. */
import { setTimeout } from "node:timers/promises";
import type { Kafka } from "kafkajs";
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
  await admin.createTopics({
    topics: [{
      topic,
      numPartitions: partitions,
      configEntries: [{ name: "max.message.bytes", value: `${maxMessageBytes}` }],
    }],
  });
  await admin.disconnect();
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
