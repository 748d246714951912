import type { KafkaSettings } from "./brokers.ts";
import { openCluster } from "./cluster.ts";
import { KafkajsAdmin } from "./kafka_admin.ts";
import { isAbsent, isLoginRefused, loadKafkaClients } from "./kafka_client.ts";
import { KafkaMembership } from "./kafka_membership.ts";
import { isTooLarge, KafkaProducer } from "./kafka_producer.ts";
import { KafkaTransactionalProducer } from "./kafka_transactional_producer.ts";
import type { Log } from "./mod.ts";

/**
 * Connects to a Kafka with kafkajs.
 *
 * @throws {ServiceError} within about 10 seconds when no broker answers or the login is refused.
 */
export async function openKafka(settings: KafkaSettings): Promise<Log> {
  const clients = await loadKafkaClients(settings);
  return await openCluster({
    admin: () => new KafkajsAdmin(clients()),
    producer: (topic) => new KafkaProducer(topic, clients()),
    transactionalProducer: (id) => new KafkaTransactionalProducer(id, clients()),
    membership: (topic, group, listener, opened, topicId) =>
      new KafkaMembership(clients(), topic, group, listener, opened, topicId),
    isTooLarge,
    isAbsent,
    isLoginRefused,
  }, settings);
}
