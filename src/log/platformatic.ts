import type { KafkaSettings } from "./brokers.ts";
import { openCluster } from "./cluster.ts";
import type { Log } from "./mod.ts";
import { PlatformaticAdmin } from "./platformatic_admin.ts";
import { isAbsent, isLoginRefused, loadPlatformatic } from "./platformatic_client.ts";
import { PlatformaticMembership } from "./platformatic_membership.ts";
import { isTooLarge, PlatformaticProducer } from "./platformatic_producer.ts";
import { PlatformaticTransactionalProducer } from "./platformatic_transactional_producer.ts";

/**
 * Connects to a Kafka with @platformatic/kafka.
 *
 * @throws {ServiceError} within about 10 seconds when no broker answers or the login is refused.
 */
export async function openPlatformatic(settings: KafkaSettings): Promise<Log> {
  const clients = await loadPlatformatic(settings);
  return await openCluster({
    admin: () => new PlatformaticAdmin(clients),
    producer: (topic) => new PlatformaticProducer(topic, clients),
    transactionalProducer: (id) => new PlatformaticTransactionalProducer(id, clients),
    membership: (topic, group, listener, opened) =>
      new PlatformaticMembership(clients, topic, group, listener, opened),
    isTooLarge,
    isAbsent,
    isLoginRefused,
  }, settings);
}
