import type { Offset } from "../record.ts";
import { Histogram } from "../status/histogram.ts";
import { Rate } from "../status/rate.ts";
import { RollingHistogram } from "../status/rolling_histogram.ts";
import type { PipelineStatus, RecordCounts } from "../status/snapshot.ts";
import type { OwnedPartition, Task } from "./lane.ts";
import { type Outcomes, UnpublishedCounts } from "./unpublished_counts.ts";

/** The parts of a batch's way that are timed. */
export type Stage = "process" | "deliver" | "commit" | "total";

/** What a pipeline has done since the process started. Only what is in the warehouse, and in all topics, counts. */
export class RunStats {
  readonly #counts = { in: 0, out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };
  readonly #unpublished = new UnpublishedCounts();
  readonly #latency = new RollingHistogram();
  readonly #stages = new Map<Stage, RollingHistogram>();
  readonly #inRate = new Rate();
  readonly #outRate = new Rate();

  get counts(): RecordCounts {
    return { ...this.#counts };
  }

  /** A stage of a batch took so many milliseconds. */
  took(stage: Stage, milliseconds: number, now: number): void {
    let histogram = this.#stages.get(stage);
    if (!histogram) this.#stages.set(stage, histogram = new RollingHistogram());
    histogram.record(milliseconds, now);
  }

  /** A batch is in the warehouse. */
  committed(task: Task, now: number): void {
    task.slices.forEach(({ partition, from, next, offsets, timestamps, replayed }, i) => {
      if (replayed) return;
      this.#unpublished.add(partition, { from, next, in: offsets.length, ...task.output!.slices[i]!.counts });
      this.published(partition);
      for (const timestamp of timestamps) this.#latency.record(now - timestamp, now);
    });
    this.took("total", now - task.startedAt, now);
    this.observe(now);
  }

  /** The topics may have more of a partition. */
  published(partition: OwnedPartition): void {
    this.#count(this.#unpublished.take(partition, partition.publisher?.published ?? Infinity));
  }

  /** A topic has refused what a record gave: it becomes a dead letter. */
  refused(partition: OwnedPartition, offset: Offset): void {
    this.#unpublished.refuse(partition, offset);
  }

  /** Another process sees to the rest. */
  lost(partition: OwnedPartition): void {
    this.#count(this.#unpublished.take(partition, Infinity));
  }

  #count(outcomes: readonly Outcomes[]): void {
    const counts = this.#counts;
    for (const each of outcomes) {
      counts.in += each.in;
      counts.out += each.out;
      counts.filtered += each.filtered;
      counts.deadLettered += each.deadLettered;
      counts.late += each.late;
      counts.ahead += each.ahead;
    }
  }

  /** Takes the rates on to now; to be called at least every second. */
  observe(now: number): void {
    this.#inRate.observe(this.#counts.in, now);
    this.#outRate.observe(this.#counts.out, now);
  }

  status(now: number): Pick<PipelineStatus, "records" | "rates" | "latencyMs" | "stages"> {
    const latency = this.#latency.snapshot(now);
    const stages: Record<string, { p50: number; p99: number }> = {};
    for (const [stage, histogram] of this.#stages) {
      const times: Histogram = histogram.snapshot(now);
      if (times.count > 0) stages[stage] = { p50: times.percentile(50)!, p99: times.percentile(99)! };
    }
    return {
      records: this.counts,
      rates: { inPerSecond: this.#inRate.perSecond(now), outPerSecond: this.#outRate.perSecond(now) },
      latencyMs: { p50: latency.percentile(50), p95: latency.percentile(95), p99: latency.percentile(99) },
      stages,
    };
  }
}
