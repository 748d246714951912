import { Registry } from "prom-client";
import { addKafkaMetrics } from "./kafka_metrics.ts";
import { Families } from "./metric_families.ts";
import type { PipelineState, PipelineStatus, SinkStatus, Status, Verdict } from "./snapshot.ts";

/** The content type of {@linkcode renderMetrics}' text. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** What the process uses. It is no part of the status, for it is of use to metrics only. */
export interface ProcessUse {
  readonly residentBytes: number;
  /** User and system time since the process started. */
  readonly cpuSeconds: number;
}

const states: readonly PipelineState[] = ["running", "stalled", "failed", "draining"];
const verdicts: readonly Verdict[] = ["OK", "WARN", "STOP", "STALL", "REWIND"];

/**
 * A status in Prometheus' text format: kafka_exporter's metrics for lag, and `weir_*` for the rest, in base units
 * (seconds, bytes). It is made anew from each status, so what is gone from the status is gone from the metrics. What is
 * not known is left out.
 */
export function renderMetrics(status: Status, process?: ProcessUse): Promise<string> {
  const registry = new Registry();
  const families = new Families(registry);
  addKafkaMetrics(families, status);
  addProcess(families, status, process);
  addPipelines(families, status.pipelines);
  addPartitions(families, status.pipelines);
  addSinks(families, status.pipelines);
  addServices(families, status);
  addWorkers(families, status);
  addSchedules(families, status);
  return registry.metrics();
}

function addProcess(families: Families, status: Status, process: ProcessUse | undefined): void {
  families.gauge("weir_info", "Always 1; the label tells Weir's version", ["version"])
    .set({ version: status.version }, 1);
  families.gauge("process_start_time_seconds", "When the process started, in seconds since 1970", [])
    .set({}, seconds(status.startedAt));
  if (!process) return;
  families.gauge("process_resident_memory_bytes", "Memory that the process holds, in bytes", [])
    .set({}, process.residentBytes);
  families.counter("process_cpu_seconds_total", "Processor time that the process has used, in seconds", [])
    .inc({}, process.cpuSeconds);
}

function addPipelines(families: Families, pipelines: readonly PipelineStatus[]): void {
  const state = families.gauge(
    "weir_pipeline_state",
    "1 for the state that a pipeline is in, 0 for the others",
    [
      "pipeline",
      "state",
    ],
  );
  const records = families.counter(
    "weir_records_total",
    "Records since the process started, by what became of them: in = out + filtered + dead_lettered",
    ["pipeline", "outcome"],
  );
  const watermark = families.gauge(
    "weir_watermark_seconds",
    "The smallest watermark over the partitions, in seconds since 1970",
    ["pipeline"],
  );
  const latency = families.gauge(
    "weir_latency_seconds",
    "From a record's timestamp to the commit of the checkpoint that holds it, over the last minute",
    ["pipeline", "percentile"],
  );
  const stages = families.gauge(
    "weir_stage_seconds",
    "How long batches spend in a stage, over the last minute",
    [
      "pipeline",
      "stage",
      "percentile",
    ],
  );
  for (const { name: pipeline, ...one } of pipelines) {
    for (const each of states) state.set({ pipeline, state: each }, each === one.state ? 1 : 0);
    const { deadLettered, ...counts } = one.records;
    for (const [outcome, count] of Object.entries({ ...counts, dead_lettered: deadLettered })) {
      records.inc({ pipeline, outcome }, count);
    }
    if (one.watermark !== null) watermark.set({ pipeline }, seconds(one.watermark));
    latency.percentiles({ pipeline }, one.latencyMs);
    for (const [stage, times] of Object.entries(one.stages)) stages.percentiles({ pipeline, stage }, times);
  }
}

function addPartitions(families: Families, pipelines: readonly PipelineStatus[]): void {
  const labels = ["pipeline", "topic", "partition"];
  const position = families.gauge(
    "weir_partition_position",
    "The next offset of the warehouse's checkpoint",
    labels,
  );
  const lag = families.gauge(
    "weir_partition_lag_seconds",
    "How old the oldest record is that is not committed, in seconds",
    labels,
  );
  const verdict = families.gauge(
    "weir_partition_verdict",
    "1 for the verdict on a partition's lag by Burrow's rules, 0 for the others",
    [...labels, "verdict"],
  );
  const queued = families.gauge(
    "weir_partition_queued_records",
    "Records fetched and not yet in the warehouse",
    labels,
  );
  const paused = families.gauge(
    "weir_partition_paused",
    "1 while fetching is paused as the queue is full",
    labels,
  );
  for (const { name: pipeline, source: { topic }, partitions } of pipelines) {
    for (const one of partitions) {
      const key = { pipeline, topic, partition: one.partition };
      if (one.position !== null) position.set(key, one.position);
      if (one.lagSeconds !== null) lag.set(key, one.lagSeconds);
      for (const each of verdicts) verdict.set({ ...key, verdict: each }, each === one.verdict ? 1 : 0);
      queued.set(key, one.queued);
      paused.set(key, one.paused ? 1 : 0);
    }
  }
}

function addSinks(families: Families, pipelines: readonly PipelineStatus[]): void {
  const labels = ["pipeline", "sink", "kind"];
  const up = families.gauge(
    "weir_sink_up",
    "0 while writes to a sink fail and are tried again, else 1",
    labels,
  );
  const written = families.counter("weir_sink_written_total", "Rows or records written to a sink", labels);
  const retries = families.counter(
    "weir_sink_retries_total",
    "Writes to a sink that were tried again",
    labels,
  );
  const latency = families.gauge("weir_sink_latency_seconds", "How long writes to a sink take", [
    ...labels,
    "percentile",
  ]);
  const waiting = families.gauge(
    "weir_outbox_results",
    "Results that wait in the outbox for their sink",
    labels,
  );
  const addSink = (pipeline: string, sink: SinkStatus) => {
    const key = { pipeline, sink: sink.name, kind: sink.kind };
    up.set(key, sink.state === "ok" ? 1 : 0);
    written.inc(key, sink.written);
    retries.inc(key, sink.retries);
    if (sink.waiting !== undefined) waiting.set(key, sink.waiting);
    latency.percentiles(key, sink.latencyMs);
  };
  for (const { name, sinks } of pipelines) for (const sink of sinks) addSink(name, sink);
}

function addServices(families: Families, status: Status): void {
  const up = families.gauge("weir_service_up", "1 while a service can be used, else 0", ["role", "kind"]);
  for (const { role, kind, state } of status.services) up.set({ role, kind }, state === "up" ? 1 : 0);
}

function addWorkers(families: Families, status: Status): void {
  const busy = families.gauge(
    "weir_worker_busy_ratio",
    "The share of time in which a worker had a task, 0 to 1",
    [
      "worker",
    ],
  );
  const partitions = families.gauge("weir_worker_partitions", "Partitions that a worker has", ["worker"]);
  const restarts = families.counter("weir_worker_restarts_total", "How often a worker was replaced", [
    "worker",
  ]);
  for (const worker of status.workers) {
    busy.set({ worker: worker.id }, worker.busy);
    partitions.set({ worker: worker.id }, worker.partitions);
    restarts.inc({ worker: worker.id }, worker.restarts);
  }
}

function addSchedules(families: Families, status: Status): void {
  const labels = ["pipeline", "cron"];
  const runs = families.counter("weir_schedule_runs_total", "Runs of a schedule", labels);
  const failures = families.counter("weir_schedule_failures_total", "Runs of a schedule that failed", labels);
  const skipped = families.counter(
    "weir_schedule_skipped_total",
    "Ticks of a schedule that came while a run was under way",
    labels,
  );
  const success = families.gauge(
    "weir_schedule_last_success_timestamp_seconds",
    "When the last run ended that did not fail, in seconds since 1970",
    labels,
  );
  for (const schedule of status.schedules) {
    const key = { pipeline: schedule.pipeline, cron: schedule.cron };
    runs.inc(key, schedule.runs);
    failures.inc(key, schedule.failures);
    skipped.inc(key, schedule.skipped);
    if (schedule.lastSuccessAt !== undefined) success.set(key, seconds(schedule.lastSuccessAt));
  }
}

function seconds(time: string): number {
  return Date.parse(time) / 1_000;
}
