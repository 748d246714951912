import type { Pipeline } from "../../src/pipeline.ts";
import type { Seeded } from "../support/seeded.ts";
import { sessionTimeout } from "./fake_consumer.ts";
import type { FakeLog } from "./fake_log.ts";
import { FakeTables } from "./fake_tables.ts";
import type { FakeWarehouse } from "./fake_warehouse.ts";
import type { HeldTime } from "./held_time.ts";
import { SimulatedProcess } from "./process.ts";
import { type Faults, type Service, Wire } from "./wire.ts";

export interface TroubledOptions {
  readonly time: HeldTime;
  readonly random: Seeded;
  readonly faults: Faults;
  readonly log: FakeLog;
  readonly warehouse: FakeWarehouse;
  readonly pipeline: Pipeline;
  readonly tell: (line: string) => void;
}

/** The processes of a pipeline that writes nothing to Cassandra, and what goes wrong with them. */
export class TroubledProcesses {
  readonly #options: TroubledOptions;
  readonly #settings: { workers: number; maxBatchRecords: number; memoryBytes: number };
  /** What must not happen, whatever goes wrong. */
  readonly failures: string[] = [];
  #all: SimulatedProcess[] = [];
  #started = 0;

  constructor(options: TroubledOptions) {
    this.#options = options;
    const { random } = options;
    this.#settings = {
      workers: random.integer(1, 2),
      maxBatchRecords: random.pick([2, 10, 1_000]),
      memoryBytes: random.pick([2_000, 1_000_000]),
    };
  }

  start(): void {
    const { time, random, faults, log, warehouse, pipeline, tell } = this.#options;
    this.#all.push(
      new SimulatedProcess({
        wire: new Wire(`process ${++this.#started}`, time, random, faults, tell),
        stores: { log, warehouse, tables: new FakeTables(() => undefined) },
        pipeline,
        ...this.#settings,
        failed: (reason) => this.failures.push(`a stage stopped for good: ${reason}`),
      }),
    );
  }

  /** Starts one whenever there is none. */
  supervise(): void {
    if (!this.#alive()) this.start();
    this.#options.time.after(2_000, () => this.supervise());
  }

  kill(): void {
    const { time, random, tell } = this.#options;
    const process = this.#alive();
    if (!process) return;
    tell(`${process.wire.name} is killed`);
    process.kill();
    this.#forget(process);
    time.after(random.integer(0, 5_000), () => this.start());
  }

  freeze(): void {
    const { time, random, tell } = this.#options;
    const process = this.#alive();
    if (!process || process.wire.frozen) return;
    const lasts = random.integer(100, 12_000);
    tell(`${process.wire.name} is frozen for ${lasts} ms`);
    process.wire.freeze();
    if (lasts > sessionTimeout) this.#forget(process);
    time.after(lasts, () => process.wire.thaw());
  }

  /** Just before it publishes, and for so long that another takes over and publishes the same. */
  freezePublishing(random: Seeded): void {
    const { time, tell } = this.#options;
    const process = this.#all.find(({ ended, wire }) => !ended && !wire.frozen);
    process?.wire.freezeAt(/ publish [1-9]/, () => {
      tell(`${process.wire.name} is frozen before it publishes`);
      this.#forget(process);
      if (this.#all.every(({ ended, wire }) => ended || wire.frozen)) this.start();
      time.after(sessionTimeout + random.integer(100, 10_000), () => {
        tell(`${process.wire.name} goes on`);
        process.wire.thaw();
      });
    });
  }

  stop(): void {
    const { time, random, log, tell } = this.#options;
    const process = this.#alive();
    if (!process) return;
    tell(`${process.wire.name} is told to stop`);
    this.#all = this.#all.filter((each) => each !== process);
    process.stop().catch((error) => this.failures.push(`a process could not stop: ${error}`));
    time.after(5_000, () => {
      process.kill();
      log.lose(process.wire);
    });
    time.after(random.integer(0, 5_000), () => this.start());
  }

  worker(what: "die" | "hang"): void {
    const workers = this.#alive()?.workers() ?? [];
    if (workers.length > 0) this.#options.random.pick(workers)[what]();
  }

  outage(service: Service): void {
    const { time, random, faults } = this.#options;
    faults.down.add(service);
    time.after(random.integer(100, 6_000), () => faults.down.delete(service));
  }

  /** Passes time: so much, or until something is true or has failed. */
  async pass(milliseconds: number, until: () => boolean = () => false): Promise<void> {
    const { time } = this.#options;
    await time.run(time.now + milliseconds, () => this.failures.length > 0 || until());
  }

  killAll(): void {
    for (const process of this.#all) process.kill();
  }

  #forget({ wire }: SimulatedProcess): void {
    const { time, log } = this.#options;
    time.after(sessionTimeout, () => log.lose(wire));
  }

  #alive(): SimulatedProcess | undefined {
    const alive = this.#all.filter((process) => !process.ended);
    return alive.length > 0 ? this.#options.random.pick(alive) : undefined;
  }
}
