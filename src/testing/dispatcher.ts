import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { Pipeline } from "../pipeline.ts";
import { deliver, type RefusedSource } from "../runtime/delivery.ts";
import { OutputTables } from "../runtime/output_tables.ts";
import { PackedReader, packRecords } from "../packed_records.ts";
import type { PartitionWorker } from "../runtime/partition_worker.ts";
import type { KeyTypes, Refusal, SliceOutput, TaskOutput } from "../runtime/protocol.ts";
import { Relays } from "../runtime/relays.ts";
import { SinkMeter } from "../runtime/sink_meter.ts";
import { sourcesOf } from "../runtime/task_transaction.ts";
import { WindowCloser } from "../runtime/window_closer.ts";
import {
  type Checkpoint,
  type Move,
  RefusedRows,
  type SourceName,
  type TableRows,
} from "../warehouse/mod.ts";
import type { MemoryLog } from "./memory_log.ts";
import type { MemoryTables } from "./memory_tables.ts";
import type { RunWarehouse } from "./memory_warehouse.ts";
import type { PlacedRecord } from "./source_topic.ts";
import { openTestWorker } from "./test_worker.ts";

export interface DispatcherOptions {
  readonly plan: Pipeline;
  readonly partitions: number;
  readonly services: {
    readonly log: MemoryLog;
    readonly tables: MemoryTables;
    readonly warehouse: RunWarehouse;
  };
  readonly now: () => number;
}

/**
 * Takes records through a worker to the stores, one batch after the other, in the order of a real run:
 *
 *     wake idle partitions -> operators -> Cassandra, dead letters -> transaction -> topics -> close windows -> outbox
 *             \__________ a sink refused records: from the checkpoint, these as dead letters _________/
 */
export class Dispatcher {
  readonly counts = { in: 0, out: 0, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };
  /** Records that came too late for a window or a state. */
  readonly late: { readonly partition: number; readonly offset: number }[] = [];
  readonly #options: DispatcherOptions;
  readonly #source: SourceName;
  readonly #meters: readonly SinkMeter[];
  readonly #deadLetterMeter: SinkMeter;
  readonly #signal = new AbortController().signal;
  /** When each partition got something the last time. */
  readonly #arrivedAt: number[];
  readonly #checkpoints = new Map<number, Checkpoint>();
  #outputTables!: OutputTables;
  #closer!: WindowCloser;
  #relays!: Relays;
  #worker!: PartitionWorker;

  constructor(options: DispatcherOptions) {
    const { plan, partitions, now } = options;
    this.#options = options;
    this.#source = { group: plan.source.group, topic: plan.source.topic };
    this.#meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    this.#deadLetterMeter = new SinkMeter(plan.deadLetter, "topic");
    this.#arrivedAt = Array.from({ length: partitions }, now);
  }

  /** The source's watermark, ms since 1970. */
  get watermark(): number | null {
    return this.#closer.watermark;
  }

  /** For each output, the key types of its aggregate's table. */
  get keyTypes(): readonly (KeyTypes | null)[] {
    return this.#outputTables.keyTypes;
  }

  /** Begins, or begins anew from the checkpoint, as another process would; reference tables are to be given again. */
  async restart(): Promise<void> {
    const { plan, services, now, partitions } = this.#options;
    const { warehouse } = services;
    const tables = new OutputTables(plan, warehouse);
    await tables.create();
    this.#outputTables = tables;
    const meters = this.#meters;
    this.#closer = new WindowCloser({
      source: this.#source,
      warehouse,
      tables,
      meters,
      now,
      closed: () => {},
    });
    this.#relays = new Relays({ plan, services, tables, meters, now, holder: plan.name });
    this.#worker = await openTestWorker(plan, now);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    for (const checkpoint of await warehouse.claim(this.#source, all, new Map(), () => 0)) {
      await this.#prepare(checkpoint);
    }
    await this.#settle();
  }

  refer(table: string, rows: ReadonlyMap<string, ReferenceRow>): void {
    this.#worker.refer(this.#options.plan.name, table, rows);
  }

  async process(records: readonly PlacedRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#wake(records);
    const refusals = new Map<PlacedRecord, Refusal>();
    for (;;) {
      const undo = this.#options.services.log.mark();
      const { output, refused } = await this.#attempt(records, refusals);
      if (refused.length === 0) refused.push(...await this.#commit(records, output));
      if (refused.length === 0) return await this.#settle(output);
      undo();
      for (const { source, stage, reason } of refused) {
        const record = records[source]!;
        refusals.set(record, { offset: record.record.offset, stage, reason });
      }
      for (const checkpoint of this.#checkpoints.values()) await this.#prepare(checkpoint);
    }
  }

  /** The clock was moved: partitions that got nothing for long no longer hold windows open. */
  async rest(): Promise<void> {
    const { plan, now, services } = this.#options;
    const quiet = [...this.#checkpoints.values()].filter(({ partition }) =>
      now() - this.#arrivedAt[partition]! >= plan.source.idleAfter
    );
    for (const partition of await services.warehouse.watermarks.markIdle(this.#source, quiet)) {
      this.#checkpoints.set(partition, { ...this.#checkpoints.get(partition)!, idle: true });
    }
    await this.#settle();
  }

  async #prepare(checkpoint: Checkpoint): Promise<void> {
    const { plan, services } = this.#options;
    const { partition } = checkpoint;
    this.#checkpoints.set(partition, checkpoint);
    this.#worker.assign(plan.name, checkpoint, []);
    for await (const page of services.warehouse.states(this.#source, partition)) {
      await this.#worker.load(plan.name, partition, page);
    }
  }

  async #wake(records: readonly PlacedRecord[]): Promise<void> {
    const { plan, now, services } = this.#options;
    const partitions = new Set(records.map(({ partition }) => partition));
    for (const partition of partitions) this.#arrivedAt[partition] = now();
    const idle = [...this.#checkpoints.values()].filter(({ partition, idle }) =>
      idle && partitions.has(partition)
    );
    for (const checkpoint of await services.warehouse.watermarks.wake(this.#source, idle)) {
      const { partition, watermark } = checkpoint;
      this.#checkpoints.set(partition, checkpoint);
      if (watermark !== null) this.#worker.wake(plan.name, partition, watermark);
    }
  }

  async #attempt(
    records: readonly PlacedRecord[],
    refusals: ReadonlyMap<PlacedRecord, Refusal>,
  ): Promise<{ output: TaskOutput; refused: RefusedSource[] }> {
    const { plan, services, now } = this.#options;
    // A slice for each record, so that it can be told what became of it.
    const slices = records.map((each) => ({
      partition: each.partition,
      records: packRecords([each.record]),
      refused: refusals.has(each) ? [refusals.get(each)!] : [],
    }));
    const output = await this.#worker.process({ pipeline: plan.name, slices, keyTypes: this.keyTypes });
    const refused = await deliver({ output, stopped: new AbortController() }, {
      plan,
      ...services,
      meters: this.#meters,
      deadLetterMeter: this.#deadLetterMeter,
      now,
    });
    return { output, refused };
  }

  /** Gives the records whose rows the warehouse refused; nothing is done then. */
  async #commit(records: readonly PlacedRecord[], output: TaskOutput): Promise<RefusedSource[]> {
    const moves = new Map<number, Move>();
    records.forEach(({ partition, record }, i) => {
      const { counts: _, ...reached } = output.slices[i]!;
      const { epoch, next: from } = this.#checkpoints.get(partition)!;
      moves.set(partition, { partition, epoch, from, next: record.offset + 1, ...reached });
    });
    const rows = await this.#rowsOf(output);
    const tables = rows.map((each) => each.rows);
    try {
      const states = output.states?.count ? { states: [output.states] } : {};
      const transaction = { source: this.#source, moves: [...moves.values()], tables, ...states };
      await this.#options.services.warehouse.commit(transaction);
    } catch (error) {
      if (!(error instanceof RefusedRows)) throw error;
      return error.refused.flatMap(({ table, row, reason }) => {
        const i = rows[table]!.output;
        const stage = `write ${this.#options.plan.outputs[i]!.sink.name}`;
        return sourcesOf(output.outputs[i]!, row).map((source) => ({ source, stage, reason }));
      });
    }
    for (const { from: _, ...move } of moves.values()) {
      this.#checkpoints.set(move.partition, { ...move, idle: false });
    }
    records.forEach(({ partition, record: { offset } }, i) => {
      const { counts } = output.slices[i]!;
      this.#count(counts);
      if (counts.late > 0) this.late.push({ partition, offset });
    });
    return [];
  }

  async #rowsOf({ outputs }: TaskOutput): Promise<{ output: number; rows: TableRows }[]> {
    const found: { output: number; rows: TableRows }[] = [];
    for (const i of this.#outputTables.outputs) {
      const given = outputs[i]!;
      if (given.kind === "groups" && given.keyTypes && !this.#outputTables.of(i)) {
        await this.#outputTables.createAggregate(i, given.keyTypes);
      }
      if ((given.kind === "copy" || given.kind === "groups") && given.chunk.count > 0) {
        found.push({ output: i, rows: { table: this.#outputTables.of(i)!, chunks: [given.chunk] } });
      }
    }
    return found;
  }

  /** Publishes what is committed, closes windows, and brings results to where they go. */
  async #settle(output?: TaskOutput): Promise<void> {
    const { plan, services } = this.#options;
    for (const [i, rows] of output?.outputs.entries() ?? []) {
      if (rows.kind !== "records") continue;
      await services.log.produce(plan.outputs[i]!.sink.name, new PackedReader(rows.records).produced());
    }
    if (plan.source.lateness < Infinity) await this.#closer.close();
    await this.#relays.relay(this.#signal);
  }

  #count({ out, filtered, deadLettered, late, ahead }: SliceOutput["counts"]): void {
    this.counts.in++;
    this.counts.out += out;
    this.counts.filtered += filtered;
    this.counts.deadLettered += deadLettered;
    this.counts.late += late;
    this.counts.ahead += ahead;
  }
}
