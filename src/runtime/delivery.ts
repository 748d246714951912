import { RejectedRows } from "../errors.ts";
import { type Log, RecordTooLarge } from "../log/mod.ts";
import type { CassandraTable, Pipeline } from "../pipeline.ts";
import type { ProducedRecord } from "../record.ts";
import type { Tables } from "../sinks/mod.ts";
import { withoutValue } from "./dead_letter.ts";
import type { Task } from "./lane.ts";
import { PackedReader } from "./packed_records.ts";
import type { OutputRows } from "./protocol.ts";
import { retry, serviceBackoff } from "./retry.ts";
import type { SinkMeter } from "./sink_meter.ts";

/** A record whose row a sink refused: its index over the task's slices, the stage, and why. */
export interface RefusedSource {
  readonly source: number;
  readonly stage: string;
  readonly reason: string;
}

/** What of a task its delivery needs. */
type DeliveredTask = Pick<Task, "output" | "stopped">;

export interface DeliveryOptions {
  readonly plan: Pipeline;
  readonly tables: Pick<Tables, "write">;
  readonly log: Pick<Log, "produce">;
  /** One per output, in order; those of warehouse tables are not used here. */
  readonly meters: readonly SinkMeter[];
  readonly deadLetterMeter: SinkMeter;
  readonly now: () => number;
}

/**
 * Writes what of a batch goes elsewhere than into the warehouse, before the transaction that moves the position: a crash
 * in between repeats the writes, which is harmless to converging tables and adds copies to topics. What fails is tried
 * again for as long as the batch is not abandoned.
 *
 * Resolves when all is durable, with the records that a sink refused for what they hold; these were not written.
 */
export function deliver(task: DeliveredTask, options: DeliveryOptions): Promise<RefusedSource[]> {
  return new Delivery(options, task.stopped.signal).deliver(task);
}

class Delivery {
  readonly #options: DeliveryOptions;
  readonly #signal: AbortSignal;

  constructor(options: DeliveryOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  async deliver(task: DeliveredTask): Promise<RefusedSource[]> {
    const { plan, meters, deadLetterMeter } = this.#options;
    const { outputs, deadLetters } = task.output!;
    const letters = new PackedReader(deadLetters).produced();
    const [refused] = await Promise.all([
      Promise.all(outputs.map((rows, i) => this.#write(i, rows, meters[i]!))),
      this.#produce(plan.deadLetter, letters, deadLetterMeter, withoutValue),
    ]);
    return refused.flat();
  }

  async #write(
    output: number,
    rows: OutputRows,
    meter: SinkMeter,
  ): Promise<RefusedSource[]> {
    const { sink } = this.#options.plan.outputs[output]!;
    const stage = `write ${sink.name}`;
    if (rows.kind === "cells") {
      const table = sink as CassandraTable<never>;
      return await this.#writeCells(table, rows, meter, stage);
    }
    return [];
  }

  async #writeCells(
    table: CassandraTable<never>,
    { rows, sources }: Extract<OutputRows, { kind: "cells" }>,
    meter: SinkMeter,
    stage: string,
  ): Promise<RefusedSource[]> {
    if (rows.count === 0) return [];
    try {
      await this.#untilDone(
        meter,
        () => this.#options.tables.write(table, rows),
        (e) => !(e instanceof RejectedRows),
      );
    } catch (error) {
      if (!(error instanceof RejectedRows)) throw error;
      return error.rows.map((row, i) => ({
        source: sources[row]!,
        stage,
        reason: error.reasons[i] ?? error.message,
      }));
    }
    meter.wrote(rows.count);
    return [];
  }

  /** Produces all; those too large for the topic are replaced by what `tooLarge` gives, or left out. */
  async #produce(
    topic: string,
    records: readonly ProducedRecord[],
    meter: SinkMeter,
    tooLarge: (record: ProducedRecord, index: number, error: Error) => ProducedRecord | undefined,
  ): Promise<void> {
    if (records.length === 0) return;
    const { log } = this.#options;
    const fits = (error: unknown) => !(error instanceof RecordTooLarge);
    try {
      await this.#untilDone(meter, () => log.produce(topic, records), fits);
      meter.wrote(records.length);
    } catch (error) {
      if (fits(error)) throw error;
      if (records.length > 1) {
        for (const [i, record] of records.entries()) {
          await this.#produce(topic, [record], meter, (_record, _i, cause) => tooLarge(record, i, cause));
        }
        return;
      }
      const instead = tooLarge(records[0]!, 0, error as Error);
      if (instead) await this.#produce(topic, [instead], meter, () => undefined);
    }
  }

  async #untilDone(
    meter: SinkMeter,
    action: () => Promise<void>,
    mendable: (error: unknown) => boolean,
  ): Promise<void> {
    const { now } = this.#options;
    const write = {};
    const start = now();
    try {
      await retry(action, {
        backoff: serviceBackoff,
        signal: this.#signal,
        mendable,
        failed: (error) => meter.failed(write, error),
      });
      meter.took(now() - start, now());
    } finally {
      meter.settled(write);
    }
  }
}
