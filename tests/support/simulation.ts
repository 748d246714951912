/**
 * Several processes of one pipeline, held by a seed: which one does what next, where batches are cut, who crashes, and
 * who takes whose partitions. The operators, the warehouse and its transactions are the real ones; the log is a list.
 */
import assert from "node:assert/strict";
import { Fenced } from "../../src/errors.ts";
import type { Pipeline } from "../../src/pipeline.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { OutputTables } from "../../src/runtime/output_tables.ts";
import { packRecords } from "../../src/packed_records.ts";
import type { TaskOutput } from "../../src/runtime/protocol.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";
import { WindowCloser } from "../../src/runtime/window_closer.ts";
import type { Checkpoint, Move, TableRows, Warehouse } from "../../src/warehouse/mod.ts";
import type { Seeded } from "./seeded.ts";

/** A record of the simulated log: its place is its offset. */
export interface SimulatedRecord {
  readonly timestamp: number;
  readonly value: string;
}

export interface SimulationOptions {
  readonly plan: Pipeline;
  readonly warehouse: Warehouse;
  readonly random: Seeded;
  /** By partition. */
  readonly log: readonly (readonly SimulatedRecord[])[];
  readonly processes: number;
}

const utf8 = new TextEncoder();

export class Simulation {
  readonly processes: SimulatedProcess[];
  /** How many records of each partition are in the log by now. */
  readonly available: number[];
  /** The watermark that a partition was woken with, by partition and offset. */
  readonly floors: Map<number, number>[];
  late = 0;

  constructor(readonly options: SimulationOptions) {
    const { log, processes } = options;
    this.available = log.map(() => 0);
    this.floors = log.map(() => new Map());
    this.processes = Array.from({ length: processes }, () => new SimulatedProcess(this));
  }

  get source() {
    const { group, topic } = this.options.plan.source;
    return { group, topic };
  }

  /** How many windows were closed of an output, over all processes. */
  closed(output: number): number {
    return this.processes.reduce((sum, { meters }) => sum + meters[output]!.status(0).written, 0);
  }

  /** Everyone gets partitions, in turn. */
  async start(): Promise<void> {
    const { log } = this.options;
    const all = log.map((_, partition) => partition);
    for (const [i, process] of this.processes.entries()) {
      await process.claim(all.filter((partition) => partition % this.processes.length === i));
    }
  }

  /** Some records come in. */
  produce(): void {
    const { log, random } = this.options;
    const partition = random.integer(0, log.length - 1);
    this.available[partition] = Math.min(
      log[partition]!.length,
      this.available[partition]! + random.integer(1, 40),
    );
  }

  /** One of the processes does something. */
  async step(process = this.options.random.pick(this.processes)): Promise<void> {
    const { random, log } = this.options;
    const dice = random.fraction();
    if (dice < 0.25) this.produce();
    else if (dice < 0.65) await process.work();
    else if (dice < 0.75) await process.rest();
    else if (dice < 0.87) await process.close();
    else if (dice < 0.91) await process.work("crash");
    else if (dice < 0.95) await process.restart();
    else await process.claim([...process.owned.keys(), random.integer(0, log.length - 1)]);
  }

  /** All is read to its end, nothing more comes, and so every window closes. */
  async finish(): Promise<void> {
    const { log } = this.options;
    const [last] = this.processes as [SimulatedProcess];
    this.available.splice(0, log.length, ...log.map((records) => records.length));
    await last.claim(log.map((_, partition) => partition));
    while ([...last.owned.values()].some(({ partition, next }) => next < log[partition]!.length)) {
      await last.work();
    }
    await last.rest();
    await last.close();
  }
}

export class SimulatedProcess {
  readonly owned = new Map<number, Checkpoint>();
  readonly meters: readonly SinkMeter[];
  readonly #simulation: Simulation;
  readonly #tables: OutputTables;
  readonly #closer: WindowCloser;
  #executor: PlanExecutor;

  constructor(simulation: Simulation) {
    const { plan, warehouse } = simulation.options;
    this.#simulation = simulation;
    this.#tables = new OutputTables(plan, warehouse);
    this.#executor = new PlanExecutor(plan);
    this.meters = plan.outputs.map(({ sink }) => new SinkMeter(sink.name, sink.kind));
    const { source } = simulation;
    this.#closer = new WindowCloser({
      source,
      warehouse,
      tables: this.#tables,
      meters: this.meters,
      now: () => 0,
      closed: () => {},
    });
  }

  /** Becomes the owner of these partitions; whoever had them before is not told. */
  async claim(partitions: readonly number[]): Promise<void> {
    const { options: { warehouse }, source } = this.#simulation;
    const held = new Map([...this.owned].map(([partition, { epoch }]) => [partition, epoch]));
    const checkpoints = await warehouse.claim(source, [...new Set(partitions)], held, () => 0);
    this.owned.clear();
    for (const checkpoint of checkpoints) this.#take(checkpoint);
  }

  /** Forgets everything, and goes on with what it owns. */
  async restart(): Promise<void> {
    this.#executor = new PlanExecutor(this.#simulation.options.plan);
    await this.#reload();
  }

  /** Takes a batch from some of its partitions through the operators and into the warehouse, or only to just before. */
  async work(end: "commit" | "crash" = "commit"): Promise<void> {
    const { options: { random, log, plan, warehouse }, available, source } = this.#simulation;
    await this.#wake();
    const slices: { partition: number; from: number; next: number }[] = [];
    for (const { partition, next, idle } of this.owned.values()) {
      if (idle || next >= available[partition]! || random.chance(0.4)) continue;
      slices.push({
        partition,
        from: next,
        next: random.integer(next + 1, Math.min(next + 60, available[partition]!)),
      });
    }
    if (slices.length === 0) return;
    const output = this.#executor.process({
      pipeline: plan.name,
      keyTypes: this.#tables.keyTypes,
      slices: slices.map(({ partition, from, next }) => ({
        partition,
        refused: [],
        records: packRecords(
          log[partition]!.slice(from, next).map(({ timestamp, value }, i) => (
            { offset: from + i, timestamp, key: null, value: utf8.encode(value), headers: [] }
          )),
        ),
      })),
    });
    if (end === "crash") return await this.restart();
    const moves = slices.map(({ partition, from, next }, i): Move => {
      const { writeTime, eventTime, watermark } = output.slices[i]!;
      return {
        partition,
        epoch: this.owned.get(partition)!.epoch,
        from,
        next,
        writeTime,
        eventTime,
        watermark,
      };
    });
    try {
      await warehouse.commit({ source, moves, tables: await this.#rows(output) });
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      return await this.#reload();
    }
    for (const { counts } of output.slices) this.#simulation.late += counts.late;
    for (const { from: _, ...move } of moves) this.owned.set(move.partition, { ...move, idle: false });
  }

  /** Marks what has been read to its end as idle. */
  async rest(): Promise<void> {
    const { options: { warehouse }, available, source } = this.#simulation;
    const done = [...this.owned.values()].filter(({ partition, next }) => next >= available[partition]!);
    const marked = await warehouse.watermarks.markIdle(source, done);
    for (const partition of marked) this.owned.set(partition, { ...this.owned.get(partition)!, idle: true });
  }

  async close(): Promise<void> {
    await this.#closer.close();
  }

  async #wake(): Promise<void> {
    const { options: { warehouse }, available, source, floors } = this.#simulation;
    const waiting = [...this.owned.values()].filter(({ partition, next, idle }) =>
      idle && next < available[partition]!
    );
    if (waiting.length === 0) return;
    for (const checkpoint of await warehouse.watermarks.wake(source, waiting)) {
      const { partition, next, watermark } = checkpoint;
      floors[partition]!.set(
        next,
        Math.max(watermark ?? -Infinity, floors[partition]!.get(next) ?? -Infinity),
      );
      this.owned.set(partition, checkpoint);
      if (watermark !== null) this.#executor.wake(partition, watermark);
    }
  }

  async #rows({ outputs }: TaskOutput): Promise<TableRows[]> {
    const rows: TableRows[] = [];
    for (const [i, each] of outputs.entries()) {
      if (each.kind !== "groups" || !each.keyTypes || each.chunk.count === 0) continue;
      if (!this.#tables.of(i)) await this.#tables.createAggregate(i, each.keyTypes);
      assert.ok(this.#tables.fits(i, each.keyTypes));
      rows.push({ table: this.#tables.of(i)!, chunks: [each.chunk] });
    }
    return rows;
  }

  /** What another has by now is given up. */
  async #reload(): Promise<void> {
    const { options: { warehouse }, source } = this.#simulation;
    for (const checkpoint of await warehouse.positions(source)) {
      const held = this.owned.get(checkpoint.partition);
      if (!held) continue;
      if (held.epoch === checkpoint.epoch) this.#take(checkpoint);
      else this.owned.delete(checkpoint.partition);
    }
  }

  #take(checkpoint: Checkpoint): void {
    this.owned.set(checkpoint.partition, checkpoint);
    this.#executor.assign(checkpoint);
  }
}
