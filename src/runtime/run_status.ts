import { describeError } from "../errors.ts";
import type { Pipeline } from "../pipeline.ts";
import type { PipelineState, PipelineStatus } from "../status/snapshot.ts";
import type { Assignment } from "./assignment.ts";
import type { EventTime } from "./event_time.ts";
import type { GroupPosition } from "./group_position.ts";
import type { Lane } from "./lane.ts";
import type { References } from "./references.ts";
import type { RunStats } from "./run_stats.ts";
import type { SinkMeter } from "./sink_meter.ts";
import { isPublished } from "./topic_cursor.ts";

/** Longer than any pause before the next try, in milliseconds. */
const troubleLasts = 15_000;

export interface RunStatusOptions {
  readonly plan: Pipeline;
  /** One per output of the pipeline, in order. */
  readonly meters: readonly SinkMeter[];
  readonly deadLetterMeter: SinkMeter;
  readonly lanes: readonly Lane[];
  readonly assignment: Assignment;
  readonly group: GroupPosition;
  readonly eventTime: EventTime;
  readonly references: References;
  readonly stats: RunStats;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How a pipeline is: what its parts say, and what it was told went wrong. */
export class RunStatus {
  /** It was told its partitions once at least. */
  isAssigned = false;
  isDraining = false;
  /** Why it stopped for good, if it did. */
  failure: string | undefined;
  /** Why it could not look at positions and ranges the last time. */
  watchError: string | undefined;
  readonly #options: RunStatusOptions;
  /** What the consumer or an assignment has last failed at. */
  #trouble: { readonly since: number; readonly reason: string } | undefined;

  constructor(options: RunStatusOptions) {
    this.#options = options;
  }

  /** The consumer or an assignment failed, and tries again. */
  failedAt(error: unknown): void {
    this.#trouble = { since: this.#options.now(), reason: describeError(error) };
  }

  /** The consumer and the assignment work. */
  recovered(): void {
    this.#trouble = undefined;
  }

  /** The status as of now. */
  take(): PipelineStatus {
    const { plan, meters, deadLetterMeter, stats, group, eventTime, now } = this.#options;
    const time = now();
    stats.observe(time);
    const [state, reason] = this.#state();
    const { watermark } = eventTime;
    const references = this.#options.references.status();
    return {
      name: plan.name,
      state,
      ...(reason !== undefined && { reason }),
      source: { topic: plan.source.topic, group: plan.source.group },
      watermark: watermark === null ? null : new Date(watermark).toISOString(),
      partitions: group.status(),
      ...stats.status(time),
      sinks: [...meters, deadLetterMeter].map((meter, i) => ({
        ...meter.status(time),
        ...(i < meters.length && isPublished(plan, i) && { behind: this.#behind(meter.name) }),
      })),
      ...(references.length > 0 && { references }),
    };
  }

  /** How far a topic is behind the checkpoints, in offsets. */
  #behind(topic: string): number {
    let behind = 0;
    for (const { checkpoint, publisher } of this.#options.assignment.owned()) {
      behind += Math.max(0, checkpoint.next - (publisher?.cursorOf(topic) ?? checkpoint.next));
    }
    return behind;
  }

  #state(): [PipelineState, string | undefined] {
    if (this.failure !== undefined) return ["failed", this.failure];
    if (this.isDraining) return ["draining", undefined];
    const { plan, meters, deadLetterMeter, lanes, group, eventTime } = this.#options;
    const stalledBy = this.#recentTrouble() ?? group.error ?? this.watchError ?? eventTime.error ??
      [...meters, deadLetterMeter].map((meter) => meter.stalledBy).find((reason) => reason !== undefined) ??
      lanes.map((lane) => lane.resetReason).find((reason) => reason !== undefined) ??
      (this.isAssigned ? undefined : `joining the group ${plan.source.group}`);
    return stalledBy === undefined ? ["running", undefined] : ["stalled", stalledBy];
  }

  /** Trouble is told again with each try; what was long ago is over. */
  #recentTrouble(): string | undefined {
    const { now } = this.#options;
    return this.#trouble && now() - this.#trouble.since < troubleLasts ? this.#trouble.reason : undefined;
  }
}
