import type { Pipeline } from "../pipeline.ts";
import type { Services } from "./stores.ts";
import type { WorkerPool } from "./worker_pool.ts";

export interface RunLimits {
  /** What a worker takes at once, at most. */
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
  /** Bytes of records that may be between fetch and commit, over all partitions of a pipeline. */
  readonly memoryBytes: number;
  /** Milliseconds for which records are gathered before they go on together, when there are few of them. */
  readonly commitInterval: number;
  /** Milliseconds after which a worker that does not answer is replaced. */
  readonly workerTimeout: number;
}

export interface PipelineRunOptions {
  readonly plan: Pipeline;
  readonly services: Services;
  readonly pool: WorkerPool;
  readonly limits: RunLimits;
  /** Milliseconds since 1970, with fractions. */
  readonly now: () => number;
  /** Says something to the operator. */
  readonly say: (line: string) => void;
  /** It has stopped for good. */
  readonly failed: (reason: string) => void;
}
