import type { Families } from "./metric_families.ts";
import type { PipelineStatus, Status } from "./snapshot.ts";

/**
 * The metrics of kafka_exporter, with its names and labels, so that its dashboards and alerts work with Weir as they
 * are. Two differences, where it has -1 for a group that never committed: there is no current offset then, and the
 * lag is all that the group can still read. `kafka_consumergroup_members` is not known here.
 */
export function addKafkaMetrics(families: Families, status: Status): void {
  const log = status.services.find((service) => service.role === "log");
  if (log?.brokers !== undefined) {
    families.gauge("kafka_brokers", "Brokers of the Kafka cluster", []).set({}, log.brokers);
  }
  addTopics(families, status.pipelines);
  addGroups(families, status.pipelines);
}

function addTopics(families: Families, pipelines: readonly PipelineStatus[]): void {
  const count = families.gauge("kafka_topic_partitions", "Partitions of a topic", ["topic"]);
  const labels = ["topic", "partition"];
  const current = families.gauge(
    "kafka_topic_partition_current_offset",
    "The offset that a partition's next record gets",
    labels,
  );
  const oldest = families.gauge(
    "kafka_topic_partition_oldest_offset",
    "The first offset that is still in a partition",
    labels,
  );
  for (const { source: { topic }, partitions } of pipelines) {
    count.set({ topic }, partitions.length);
    for (const { partition, endOffset, startOffset } of partitions) {
      current.set({ topic, partition }, endOffset);
      oldest.set({ topic, partition }, startOffset);
    }
  }
}

function addGroups(families: Families, pipelines: readonly PipelineStatus[]): void {
  const labels = ["consumergroup", "topic", "partition"];
  const sumLabels = ["consumergroup", "topic"];
  const lag = families.gauge("kafka_consumergroup_lag", "Records that a group has not committed yet", labels);
  const lagSum = families.gauge(
    "kafka_consumergroup_lag_sum",
    "The lag over all partitions of a topic",
    sumLabels,
  );
  const current = families.gauge(
    "kafka_consumergroup_current_offset",
    "The offset that a group has committed",
    labels,
  );
  const currentSum = families.gauge(
    "kafka_consumergroup_current_offset_sum",
    "The committed offsets over all partitions of a topic",
    sumLabels,
  );
  for (const { source: { topic, group: consumergroup }, partitions } of pipelines) {
    for (const one of partitions) {
      const key = { consumergroup, topic, partition: one.partition };
      lag.set(key, one.lag);
      if (one.committed !== null) current.set(key, one.committed);
    }
    lagSum.set({ consumergroup, topic }, sum(partitions.map((one) => one.lag)));
    currentSum.set({ consumergroup, topic }, sum(partitions.map((one) => one.committed ?? 0)));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
