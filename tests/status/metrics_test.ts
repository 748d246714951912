import assert from "node:assert/strict";
import { renderMetrics } from "../../src/status/metrics.ts";
import type { Status } from "../../src/status/snapshot.ts";
import { type MetricFamily, parsePrometheusText } from "./prometheus_text.ts";
import { emptyStatus, samplePartition, samplePipeline, sampleStatus } from "./sample_status.ts";

async function metrics(status: Status): Promise<Map<string, MetricFamily>> {
  return parsePrometheusText(await renderMetrics(status, { residentBytes: 1e8, cpuSeconds: 12.5 }));
}

function value(families: Map<string, MetricFamily>, name: string, labels: Record<string, string> = {}) {
  const family = families.get(name);
  assert.ok(family, `no metric ${name}`);
  return family.samples.get(JSON.stringify(Object.fromEntries(Object.entries(labels).sort())));
}

Deno.test("lag has kafka_exporter's names and labels", async () => {
  const families = await metrics(sampleStatus());
  const consumergroup = "weir-users";
  const topic = "users_created";
  assert.equal(value(families, "kafka_consumergroup_lag", { consumergroup, topic, partition: "1" }), 60);
  assert.equal(value(families, "kafka_consumergroup_lag_sum", { consumergroup, topic }), 67);
  assert.equal(
    value(families, "kafka_consumergroup_current_offset", { consumergroup, topic, partition: "1" }),
    1_140,
  );
  assert.equal(value(families, "kafka_consumergroup_current_offset_sum", { consumergroup, topic }), 2_340);
  assert.equal(value(families, "kafka_topic_partitions", { topic }), 3);
  assert.equal(value(families, "kafka_topic_partition_current_offset", { topic, partition: "0" }), 1_200);
  assert.equal(value(families, "kafka_topic_partition_oldest_offset", { topic, partition: "0" }), 100);
  assert.equal(value(families, "kafka_brokers"), 3);
});

Deno.test("a partition without a commit has a lag and no current offset", async () => {
  const families = await metrics(sampleStatus());
  const key = { consumergroup: "weir-users", topic: "users_created", partition: "2" };
  assert.equal(value(families, "kafka_consumergroup_lag", key), 7);
  assert.equal(value(families, "kafka_consumergroup_current_offset", key), undefined);
});

Deno.test("the embedded log has no brokers", async () => {
  const families = await metrics(sampleStatus({
    services: [{ role: "log", kind: "embedded", state: "up", detail: "data/log.db" }],
  }));
  assert.equal(families.has("kafka_brokers"), false);
});

Deno.test("records are counters by outcome", async () => {
  const families = await metrics(sampleStatus());
  assert.equal(families.get("weir_records_total")?.type, "counter");
  const counts = { in: 2_410, out: 2_400, filtered: 7, dead_lettered: 3, late: 1 };
  for (const [outcome, count] of Object.entries(counts)) {
    assert.equal(value(families, "weir_records_total", { pipeline: "users", outcome }), count, outcome);
  }
  assert.equal(families.get("weir_records_total")?.samples.size, 6);
});

Deno.test("states are 1 for the one and 0 for the others", async () => {
  const families = await metrics(sampleStatus({ pipelines: [samplePipeline({ state: "stalled" })] }));
  const states = [...families.get("weir_pipeline_state")!.samples.entries()];
  assert.equal(states.length, 4);
  assert.deepEqual(states.filter(([, one]) => one === 1).map(([key]) => JSON.parse(key).state), ["stalled"]);
  const key = { pipeline: "users", topic: "users_created", partition: "1" };
  assert.equal(value(families, "weir_partition_verdict", { ...key, verdict: "WARN" }), 1);
  assert.equal(value(families, "weir_partition_verdict", { ...key, verdict: "OK" }), 0);
});

Deno.test("times are in seconds", async () => {
  const families = await metrics(sampleStatus());
  const pipeline = "users";
  const sink = { pipeline, sink: "spark_streams.created_users", kind: "cassandra" };
  assert.equal(value(families, "weir_latency_seconds", { pipeline, percentile: "99" }), 0.0165);
  assert.equal(
    value(families, "weir_stage_seconds", { pipeline, stage: "tables", percentile: "50" }),
    0.002,
  );
  assert.equal(value(families, "weir_sink_latency_seconds", { ...sink, percentile: "99" }), 0.009);
  assert.equal(
    value(families, "weir_watermark_seconds", { pipeline }),
    Date.UTC(2026, 2, 1, 12) / 1_000 + 0.5,
  );
  assert.equal(
    value(families, "weir_schedule_last_success_timestamp_seconds", { pipeline, cron: "* * * * *" }),
    Date.UTC(2026, 2, 1, 12, 0, 1) / 1_000 + 0.25,
  );
  assert.equal(value(families, "process_start_time_seconds"), Date.UTC(2026, 2, 1, 11) / 1_000);
});

Deno.test("sinks, partitions, services, workers, schedules and the process are all there", async () => {
  const families = await metrics(sampleStatus());
  const sink = { pipeline: "users", sink: "spark_streams.created_users", kind: "cassandra" };
  assert.equal(value(families, "weir_sink_written_total", sink), 2_400);
  assert.equal(value(families, "weir_sink_retries_total", sink), 2);
  assert.equal(value(families, "weir_sink_up", sink), 0);
  const partition = { pipeline: "users", topic: "users_created", partition: "1" };
  assert.equal(value(families, "weir_partition_position", partition), 1_150);
  assert.equal(value(families, "weir_partition_queued_records", partition), 50);
  assert.equal(value(families, "weir_partition_paused", partition), 1);
  assert.equal(value(families, "weir_partition_lag_seconds", partition), 2.5);
  assert.equal(value(families, "weir_service_up", { role: "warehouse", kind: "postgres" }), 1);
  assert.equal(value(families, "weir_worker_busy_ratio", { worker: "1" }), 0.875);
  assert.equal(value(families, "weir_worker_partitions", { worker: "1" }), 1);
  assert.equal(value(families, "weir_worker_restarts_total", { worker: "1" }), 2);
  assert.equal(value(families, "weir_schedule_runs_total", { pipeline: "users", cron: "* * * * *" }), 60);
  assert.equal(value(families, "weir_schedule_failures_total", { pipeline: "users", cron: "* * * * *" }), 1);
  assert.equal(value(families, "weir_schedule_skipped_total", { pipeline: "users", cron: "* * * * *" }), 4);
  assert.equal(value(families, "weir_info", { version: "0.1.0" }), 1);
  assert.equal(value(families, "process_resident_memory_bytes"), 1e8);
  assert.equal(value(families, "process_cpu_seconds_total"), 12.5);
});

Deno.test("what is not known is left out", async () => {
  const families = await metrics(sampleStatus({
    pipelines: [samplePipeline({
      watermark: null,
      latencyMs: { p50: null, p95: null, p99: null },
      partitions: [samplePartition({ position: null, lagSeconds: null })],
    })],
  }));
  for (
    const name of [
      "weir_watermark_seconds",
      "weir_latency_seconds",
      "weir_partition_position",
      "weir_partition_lag_seconds",
    ]
  ) {
    assert.equal(families.get(name)?.samples.size, 0, name);
  }
});

Deno.test("labels with quotes, backslashes and line breaks stay readable", async () => {
  const name = 'a"b\\n\nc';
  const families = await metrics(sampleStatus({ pipelines: [samplePipeline({ name })] }));
  assert.equal(value(families, "weir_records_total", { pipeline: name, outcome: "in" }), 2_410);
});

Deno.test("two pipelines on one topic give no sample twice", async () => {
  const second = samplePipeline({ name: "other", source: { topic: "users_created", group: "other" } });
  const families = await metrics(sampleStatus({ pipelines: [samplePipeline(), second] }));
  assert.equal(families.get("kafka_topic_partition_current_offset")?.samples.size, 3);
  assert.equal(families.get("kafka_consumergroup_lag")?.samples.size, 6);
});

Deno.test("a process that has only just started has metrics", async () => {
  const families = await metrics(emptyStatus());
  assert.equal(value(families, "weir_info", { version: "0.1.0" }), 1);
});
