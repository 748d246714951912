import type { PartitionStatus, PipelineStatus, Status } from "../../src/status/snapshot.ts";

/** A partition that is up to date, but for what is given. */
export function samplePartition(changes: Partial<PartitionStatus> = {}): PartitionStatus {
  return {
    partition: 0,
    position: 1_200,
    committed: 1_200,
    endOffset: 1_200,
    startOffset: 100,
    lag: 0,
    lagSeconds: 0,
    verdict: "OK",
    queued: 0,
    paused: false,
    worker: 0,
    ...changes,
  };
}

/** A pipeline that runs, with three partitions of which the last belongs to another process and never committed. */
export function samplePipeline(changes: Partial<PipelineStatus> = {}): PipelineStatus {
  return {
    name: "users",
    state: "running",
    source: { topic: "users_created", group: "weir-users" },
    watermark: "2026-03-01T12:00:00.500Z",
    partitions: [
      samplePartition(),
      samplePartition({
        partition: 1,
        position: 1_150,
        committed: 1_140,
        lag: 60,
        lagSeconds: 2.5,
        verdict: "WARN",
        queued: 50,
        paused: true,
        worker: 1,
      }),
      samplePartition({
        partition: 2,
        position: null,
        committed: null,
        endOffset: 107,
        lag: 7,
        lagSeconds: null,
        worker: null,
      }),
    ],
    records: { in: 2_410, out: 2_400, filtered: 7, deadLettered: 3, late: 1, ahead: 0 },
    rates: { inPerSecond: 512.4, outPerSecond: 510 },
    latencyMs: { p50: 3.2, p95: 9, p99: 16.5 },
    stages: { decode: { p50: 0.4, p99: 1.2 }, tables: { p50: 2, p99: 8 } },
    sinks: [
      {
        name: "spark_streams.created_users",
        kind: "cassandra",
        state: "retrying",
        written: 2_400,
        retries: 2,
        lastError: "Connection refused",
        latencyMs: { p50: 2, p99: 9 },
      },
      {
        name: "users_created.dead-letter",
        kind: "dead-letter",
        state: "ok",
        written: 3,
        retries: 0,
        latencyMs: { p50: null, p99: null },
      },
    ],
    ...changes,
  };
}

/** A process on real services that works, but for what is given. */
export function sampleStatus(changes: Partial<Status> = {}): Status {
  return {
    schema: 1,
    version: "0.1.0",
    startedAt: "2026-03-01T11:00:00.000Z",
    pipelines: [samplePipeline()],
    services: [
      { role: "log", kind: "kafka", state: "up", detail: "3 brokers at a:9092", brokers: 3 },
      { role: "tables", kind: "cassandra", state: "up", detail: "Cassandra 5.0 at b:9042" },
      { role: "warehouse", kind: "postgres", state: "up", detail: "PostgreSQL 17 at c:5432" },
    ],
    workers: [
      { id: 0, state: "idle", partitions: 1, restarts: 0, busy: 0.25 },
      { id: 1, state: "busy", partitions: 1, restarts: 2, busy: 0.875 },
    ],
    schedules: [{
      pipeline: "users",
      cron: "* * * * *",
      state: "waiting",
      runs: 60,
      failures: 1,
      skipped: 4,
      lastSuccessAt: "2026-03-01T12:00:01.250Z",
      lastRun: {
        scheduledAt: "2026-03-01T12:00:00.000Z",
        startedAt: "2026-03-01T12:00:00.010Z",
        finishedAt: "2026-03-01T12:00:01.250Z",
        records: 20,
      },
    }],
    ...changes,
  };
}

/** The emptiest status there can be: what a process shows that has only just started. */
export function emptyStatus(): Status {
  return sampleStatus({ pipelines: [], services: [], workers: [], schedules: [] });
}
