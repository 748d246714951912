import { describeError } from "../errors.ts";
import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Offset } from "../record.ts";
import { CopyEncoder } from "../warehouse/copy_text.ts";
import type { Checkpoint, CopyChunk } from "../warehouse/mod.ts";
import { stateTable } from "../warehouse/state_table.ts";
import { carriedTimes } from "./carried_times.ts";
import { type Collector, collectorFor } from "./collectors.ts";
import { CurrentRecord, noPartitionTime } from "./current_record.ts";
import { deadLetter } from "./dead_letter.ts";
import { Failure } from "./failure.ts";
import { KeyedState } from "./keyed_state.ts";
import { type PackableRecord, PackedReader, packRecords } from "../packed_records.ts";
import { PlanSteps } from "./plan_steps.ts";
import type { Refusal, SliceInput, SliceOutput, TaskInput, TaskOutput } from "./protocol.ts";
import { RecordDecoder } from "./record_decoder.ts";

/** What event times a watermark follows, ms since 1970: the years 1 to 9999. */
const earliestEventTime = Date.parse("0001-01-01T00:00:00Z");
const latestEventTime = Date.UTC(10_000, 0, 1) - 1;

/** The latest record time that write timestamps follow, ms since 1970 (the year 2255): in µs it is still an exact double. */
const latestTime = 9_000_000_000_000;

/**
 * Runs a pipeline's plan over batches, in a worker. For each record: decode, the operators, and the collectors of the
 * outputs. Whatever throws on the way sends the record to the dead letters, and takes back what it had given to any
 * output; all others are counted as out, or as filtered when no output got anything.
 *
 * What a partition carries from one batch to the next starts from a checkpoint (`assign`) and is a pure function of the
 * records since, so that a replay gives the same bytes at the same timestamps. The clock is asked for one thing only:
 * whether an event time is so far ahead of it that it must not move the watermark.
 */
export class PlanExecutor {
  readonly #plan: Pipeline;
  readonly #collectors: readonly Collector[];
  readonly #decoder: RecordDecoder;
  readonly #steps: PlanSteps;
  readonly #stateEncoder = new CopyEncoder(stateTable.columns);
  readonly #partitions = new Map<number, PartitionState>();
  readonly #now: () => number;
  readonly #clock: () => number;
  readonly #current = new CurrentRecord();

  /** `now` measures, in milliseconds; `clock` tells the time, in milliseconds since 1970. */
  constructor(plan: Pipeline, now: () => number = () => performance.now(), clock: () => number = Date.now) {
    this.#plan = plan;
    this.#collectors = plan.outputs.map((output) => collectorFor(plan, output));
    this.#decoder = new RecordDecoder(plan.source);
    this.#steps = new PlanSteps(plan, this.#collectors, this.#current);
    this.#now = now;
    this.#clock = clock;
  }

  /**
   * Starts a partition over from a checkpoint; the states of its operators follow by `load`, before its first slice.
   *
   * @param starts For each output, the offset of the first record that it is to get; null or absent: the checkpoint's.
   */
  assign(checkpoint: Checkpoint, starts: readonly (Offset | null)[] = []): void {
    const { partition, writeTime, eventTime, watermark, next } = checkpoint;
    const latest = eventTime ?? -Infinity;
    const reached = Math.max(watermark ?? -Infinity, latest - this.#plan.source.lateness);
    const states = this.#steps.stateful.map((step) => new KeyedState(step.times));
    const all = this.#plan.outputs.map((_, i) => starts[i] ?? next);
    const carried = { writeTime, eventTime: latest, watermark: reached, next, starts: all };
    this.#partitions.set(partition, { ...carried, states, refusedLast: false });
  }

  /** Lets a partition that was idle go on from a watermark, if its own is behind it. */
  wake(partition: number, watermark: number): void {
    const state = this.#partitionState(partition);
    state.watermark = Math.max(state.watermark, watermark);
  }

  /** Takes over a page of operators' states, see `Warehouse.states`. Those of operators that are gone are left out. */
  load(partition: number, page: string): void {
    const state = this.#partitionState(partition);
    const stores = new Map(this.#steps.stateful.map((step, i) => [step.stateName, state.states[i]!]));
    for (const [operator, key, text, touched, turn] of JSON.parse(page) as StoredRow[]) {
      stores.get(operator)?.load({ key, text, touched, turn });
    }
  }

  /** Joins with these rows of a reference table from now on. */
  refer(table: string, rows: ReadonlyMap<string, ReferenceRow>): void {
    this.#steps.refer(table, rows);
  }

  process(task: TaskInput): TaskOutput {
    const start = this.#now();
    this.#collectors.forEach((collector, i) => collector.begin(task.keyTypes[i] ?? null));
    const deadLetters: PackableRecord[] = [];
    const slices: SliceOutput[] = [];
    let base = 0;
    for (const slice of task.slices) {
      slices.push(this.#processSlice(slice, base, deadLetters));
      base += slice.records.count;
    }
    const outputs = this.#collectors.map((collector) => collector.finish());
    const states = this.#changedStates(new Set(task.slices.map((slice) => slice.partition)));
    const rest = {
      deadLetters: packRecords(deadLetters),
      ...(states && { states }),
      busy: this.#now() - start,
    };
    return { slices, outputs, ...rest };
  }

  #changedStates(partitions: Iterable<number>): CopyChunk | undefined {
    const { stateful } = this.#steps;
    if (stateful.length === 0) return undefined;
    const { group, topic } = this.#plan.source;
    for (const partition of partitions) {
      const { states } = this.#partitionState(partition);
      stateful.forEach(({ stateName }, i) => {
        states[i]!.finish({ group_id: group, topic, partition, operator: stateName }, this.#stateEncoder);
      });
    }
    return this.#stateEncoder.finish();
  }

  #partitionState(partition: number): PartitionState {
    const state = this.#partitions.get(partition);
    if (!state) throw new Error(`partition ${partition} was not assigned to this worker`);
    return state;
  }

  #processSlice(
    slice: SliceInput,
    base: number,
    deadLetters: PackableRecord[],
  ): SliceOutput {
    const { source } = this.#plan;
    const { first, stateful } = this.#steps;
    const state = this.#partitionState(slice.partition);
    stateful.forEach((step, i) => step.enter(state.states[i]!.settled()));
    const reader = new PackedReader(slice.records);
    const refused = new Map<number, Refusal>(slice.refused.map((refusal) => [refusal.offset, refusal]));
    const counts = { out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };
    const decoder = this.#decoder;
    const current = this.#current;
    const furthest = Math.min(this.#clock() + source.maxAhead, latestEventTime);
    const origin = { topic: source.topic, partition: slice.partition };
    for (let i = 0; i < reader.count; i++) {
      const times = source.writtenBy !== undefined ? carriedTimes(reader.headers(i)) : undefined;
      if (times?.group !== undefined && times.group !== source.writtenBy) {
        if (reader.offset(i) >= state.next) counts.filtered++;
        continue;
      }
      const timestamp = times ? times.timestamp : reader.timestamp(i);
      // Every record takes a tick, whatever becomes of it: those after it get the same timestamps in a replay.
      const writeTime = Math.max(Math.min(timestamp, latestTime) * 1_000, state.writeTime + 1);
      const offset = reader.offset(i);
      current.start(base + i, state.watermark, writeTime, offset >= state.next);
      for (const collector of this.#collectors) collector.mark();
      const refusal = refused.get(offset);
      try {
        const context = current.context = decoder.decode(reader, i, slice.partition, times);
        const isAhead = context.eventTime > furthest;
        const eventTime = isAhead
          ? state.eventTime
          : Math.max(state.eventTime, context.eventTime, earliestEventTime);
        current.partitionTime = eventTime === -Infinity ? noPartitionTime : Math.max(eventTime, 0);
        if (current.isNew) { for (const step of stateful) step.timeOut(current); }
        first(decoder.value);
        // Not before: its rows take the same write times again, lest those after it get earlier ones than they had.
        if (refusal) throw new Failure(refusal.stage, refusal.reason);
        this.#keepFrom(state.starts, offset);
        if (!current.isNew) continue;
        for (const step of stateful) step.keep();
        if (isAhead) counts.ahead++;
        else {
          state.eventTime = eventTime;
          state.watermark = Math.max(state.watermark, eventTime - source.lateness);
        }
        const { late } = current;
        if (late !== undefined) counts.late++;
        const lost = late !== undefined && source.late === "dead-letter";
        if (lost) deadLetters.push(deadLetter(origin, reader, i, late.stage, lateReason(current)));
        if (current.rows > 0) counts.out++;
        else if (lost) counts.deadLettered++;
        else counts.filtered++;
      } catch (error) {
        for (const collector of this.#collectors) collector.drop();
        if (!current.isNew && !refusal) continue;
        for (const step of stateful) step.drop();
        const { stage, reason } = error instanceof Failure
          ? error
          : new Failure("process", describeError(error));
        deadLetters.push(deadLetter(origin, reader, i, stage, reason));
        if (!current.isNew) continue;
        counts.deadLettered++;
      }
      // What it timed out may be what the sink refuses; two in a row, and it would be every record to come.
      if (refusal && state.refusedLast) { for (const step of stateful) step.forgetDue(current); }
      state.refusedLast = refusal !== undefined;
      state.writeTime = current.lastWriteTime;
    }
    const { writeTime, eventTime, watermark } = state;
    return { writeTime, eventTime: finiteOrNull(eventTime), watermark: finiteOrNull(watermark), counts };
  }

  /**
   * Keeps what those outputs got that are to get the record. It goes through all of the plan nonetheless, so that a record
   * that one output refuses is refused again.
   */
  #keepFrom(starts: readonly Offset[], offset: Offset): void {
    for (let i = 0; i < starts.length; i++) {
      if (offset >= starts[i]!) this.#collectors[i]!.keep();
      else this.#collectors[i]!.drop();
    }
  }
}

/** What a partition carries from one batch to the next; times are -Infinity where there is none yet. */
interface PartitionState {
  writeTime: number;
  eventTime: number;
  watermark: number;
  /** The first record that the warehouse has not. Those before come by again for topics that have not got them yet. */
  readonly next: Offset;
  /** Of each output: the first record that it is to get. */
  readonly starts: readonly Offset[];
  /** Of every operator that has any, in the plan's order. */
  readonly states: readonly KeyedState[];
  /** A sink had refused its last record. */
  refusedLast: boolean;
}

function finiteOrNull(time: number): number | null {
  return time === -Infinity ? null : time;
}

function lateReason({ context, watermark, late }: CurrentRecord): string {
  const what = `late: its event time ${timeText(context.eventTime)} is`;
  return late?.missed === "windows"
    ? `${what} in windows that ended before the watermark ${timeText(watermark)}`
    : `${what} so far behind that what it belongs to may be gone`;
}

/** Any number: an event time need not be one that a date can have. */
function timeText(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

/** A state as `Warehouse.states` gives it. */
type StoredRow = readonly [operator: string, key: string, text: string, touched: number, turn: number];
