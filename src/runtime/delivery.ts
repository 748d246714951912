import { RejectedRows } from "../errors.ts";
import { type Log, RecordTooLarge } from "../log/mod.ts";
import type { CassandraTable, Pipeline } from "../pipeline.ts";
import type { ProducedRecord } from "../record.ts";
import type { Tables } from "../sinks/mod.ts";
import { withoutValue } from "./dead_letter.ts";
import type { Task } from "./lane.ts";
import { PackedReader } from "../packed_records.ts";
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
  /** One per output, in order; only those of Cassandra's tables are used here. */
  readonly meters: readonly SinkMeter[];
  readonly deadLetterMeter: SinkMeter;
  readonly now: () => number;
}

/**
 * Writes rows to Cassandra and dead letters to their topic, before the transaction that moves the position: a crash in
 * between repeats the writes, which is harmless to converging tables and adds copies of dead letters. What fails is tried
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
      this.#produce(plan.deadLetter, letters, deadLetterMeter),
    ]);
    return refused.flat();
  }

  async #write(output: number, rows: OutputRows, meter: SinkMeter): Promise<RefusedSource[]> {
    if (rows.kind !== "cells") return [];
    const { sink } = this.#options.plan.outputs[output]!;
    return await this.#writeCells(sink as CassandraTable<never>, rows, meter, `write ${sink.name}`);
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

  /** Produces all; one that is too large for the topic goes without its value, or is left out if it still is. */
  async #produce(
    topic: string,
    letters: readonly ProducedRecord[],
    meter: SinkMeter,
    shorten: (letter: ProducedRecord) => ProducedRecord | undefined = withoutValue,
  ): Promise<void> {
    if (letters.length === 0) return;
    const { log } = this.#options;
    const fits = (error: unknown) => !(error instanceof RecordTooLarge);
    try {
      await this.#untilDone(meter, () => log.produce(topic, letters), fits);
      meter.wrote(letters.length);
    } catch (error) {
      if (fits(error)) throw error;
      if (letters.length > 1) {
        for (const letter of letters) await this.#produce(topic, [letter], meter, shorten);
        return;
      }
      const instead = shorten(letters[0]!);
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
