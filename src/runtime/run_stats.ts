import { Histogram } from "../status/histogram.ts";
import { Rate } from "../status/rate.ts";
import { RollingHistogram } from "../status/rolling_histogram.ts";
import type { PipelineStatus, RecordCounts } from "../status/snapshot.ts";
import type { Task } from "./lane.ts";

/** The parts of a batch's way that are timed. */
export type Stage = "process" | "deliver" | "commit" | "total";

/** What a pipeline has done since the process started. Only what is committed counts. */
export class RunStats {
  readonly #counts = { in: 0, out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };
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
    task.slices.forEach((slice, i) => {
      if (slice.replayed) return;
      const { counts } = task.output!.slices[i]!;
      this.#counts.in += slice.offsets.length;
      this.#counts.out += counts.out;
      this.#counts.filtered += counts.filtered;
      this.#counts.deadLettered += counts.deadLettered;
      this.#counts.late += counts.late;
      this.#counts.ahead += counts.ahead;
      for (const timestamp of slice.timestamps) this.#latency.record(now - timestamp, now);
    });
    this.took("total", now - task.startedAt, now);
    this.observe(now);
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
