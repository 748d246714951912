/**
 * What `/status` answers: `schema` 1. Names are stable: fields may be added, none is renamed or removed. Times are ISO
 * 8601 strings in UTC, durations milliseconds, sizes records unless the name says otherwise.
 */
export interface Status {
  readonly schema: 1;
  readonly version: string;
  readonly startedAt: string;
  readonly pipelines: readonly PipelineStatus[];
  readonly services: readonly ServiceStatus[];
  readonly workers: readonly WorkerStatus[];
  readonly schedules: readonly ScheduleStatus[];
}

export type PipelineState = "running" | "stalled" | "failed" | "draining";

export interface PipelineStatus {
  readonly name: string;
  readonly state: PipelineState;
  /** Why it is not running. */
  readonly reason?: string;
  readonly source: { readonly topic: string; readonly group: string };
  /** The source's: the smallest over the partitions that are not idle; null before the first record. */
  readonly watermark: string | null;
  readonly partitions: readonly PartitionStatus[];
  readonly records: RecordCounts;
  readonly rates: { readonly inPerSecond: number; readonly outPerSecond: number };
  /** From a record's timestamp to the commit of the checkpoint that holds it; null before the first record. */
  readonly latencyMs: {
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
  /** How long batches spend in each stage. */
  readonly stages: Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;
  readonly sinks: readonly SinkStatus[];
  /** Absent when it joins with none. */
  readonly references?: readonly ReferenceStatus[];
}

/** A table that records are joined with. */
export interface ReferenceStatus {
  readonly name: string;
  readonly rows: number;
  /** When it was last read. */
  readonly loadedAt: string;
  /** Why it could not be read since; the rows are those from before. */
  readonly lastError?: string;
}

/**
 * Since the process started. in = out + filtered + deadLettered; late ones and those ahead are among those. A record counts
 * when it is in the warehouse and in all topics that have cursors.
 */
export interface RecordCounts {
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly late: number;
  /** Their event time is too far ahead of the clock to move the watermark. */
  readonly ahead: number;
}

/** Burrow's verdicts on a partition's lag. */
export type Verdict = "OK" | "WARN" | "STOP" | "STALL" | "REWIND";

export interface PartitionStatus {
  readonly partition: number;
  /** The next offset of the warehouse's checkpoint; null for a partition of another process. */
  readonly position: number | null;
  /** The group's committed offset; null when it never committed. */
  readonly committed: number | null;
  readonly endOffset: number;
  /** The first offset that is still in the topic. */
  readonly startOffset: number;
  readonly lag: number;
  /** How old the oldest record is that is not committed, in seconds; 0 without lag, null when it cannot be told. */
  readonly lagSeconds: number | null;
  readonly verdict: Verdict;
  /** Records fetched and not yet in the warehouse. */
  readonly queued: number;
  /** Fetching is paused because the queue is full. */
  readonly paused: boolean;
  /** The id of the worker that has it; null for a partition of another process. */
  readonly worker: number | null;
}

export interface SinkStatus {
  readonly name: string;
  readonly kind: "cassandra" | "postgres" | "topic" | "dead-letter";
  readonly state: "ok" | "retrying";
  /** Rows or records written since the process started. */
  readonly written: number;
  /** Of a topic that a cursor follows: how far it is behind the checkpoints, in offsets of the source, over this process's partitions. */
  readonly behind?: number;
  readonly retries: number;
  /** Results in the outbox that are not delivered yet, for a sink that takes an aggregate's results from there. */
  readonly waiting?: number;
  readonly lastError?: string;
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
}

export interface ServiceStatus {
  readonly role: "log" | "tables" | "warehouse";
  readonly kind: "kafka" | "cassandra" | "postgres" | "embedded";
  readonly state: "up" | "down";
  /** One line for people, without secrets. */
  readonly detail: string;
  /** Brokers of a Kafka. */
  readonly brokers?: number;
}

export interface WorkerStatus {
  readonly id: number;
  readonly state: "starting" | "idle" | "busy" | "replaced";
  readonly partitions: number;
  readonly restarts: number;
  /** The share of the last seconds in which it had a task, 0 to 1. */
  readonly busy: number;
}

export interface ScheduleStatus {
  readonly pipeline: string;
  readonly cron: string;
  readonly state: "waiting" | "running";
  readonly runs: number;
  readonly failures: number;
  /** Ticks that came while a run was under way. */
  readonly skipped: number;
  /** When the last run ended that had no error; absent when there was none. */
  readonly lastSuccessAt?: string;
  readonly lastRun: {
    readonly scheduledAt: string;
    readonly startedAt: string;
    /** Null while it runs. */
    readonly finishedAt: string | null;
    readonly records: number;
    readonly error?: string;
  } | null;
}
