import type { Pipeline } from "../../src/pipeline.ts";
import { Seeded } from "../support/seeded.ts";
import { sessionTimeout } from "./fake_consumer.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeTables } from "./fake_tables.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { HeldTime } from "./held_time.ts";
import { SimulatedProcess } from "./process.ts";
import { behind, cursorGroup, regrouped, sourceTopic } from "./regrouped.ts";
import type { Outcome } from "./simulation.ts";
import { type SetCursor, stageViolations } from "./stage_invariants.ts";
import type { BrokenStores } from "./stores.ts";
import { noFaults, type Service, Wire } from "./wire.ts";

/** Milliseconds in which things go wrong, and after that, in which everything must be brought in. */
const troubled = 15_000;
const patience = 120_000;

export interface StagesOptions extends Omit<BrokenStores, "tables"> {
  readonly seed: number;
}

/** Runs one schedule of faults on both sides of a repartition, which the seed decides. */
export class StagesSimulation {
  readonly #random: Seeded;
  /** For what was added later, so that the seeds before it still do what they did. */
  readonly #added: Seeded;
  readonly #time = new HeldTime();
  readonly #trace: string[] = [];
  readonly #faults = noFaults();
  readonly #log: FakeLog;
  readonly #warehouse: FakeWarehouse;
  readonly #failures: string[] = [];
  readonly #settings: { workers: number; maxBatchRecords: number; memoryBytes: number };
  readonly #seed: number;
  readonly #cursors: SetCursor[] = [];
  #sent = 0;
  #processes: SimulatedProcess[] = [];
  #started = 0;

  constructor({ seed, openLog, warehouse = new FakeWarehouse() }: StagesOptions) {
    const random = this.#random = new Seeded(this.#seed = seed);
    this.#added = new Seeded(seed ^ 0xadded);
    const log = { time: this.#time, random, trace: this.#tell };
    this.#log = openLog?.(log) ?? new FakeLog(log);
    this.#warehouse = warehouse;
    this.#log.createTopic(sourceTopic, 3);
    this.#faults.refused = random.pick([0, 0.02, 0.2]);
    this.#faults.lost = random.pick([0, 0.02, 0.2]);
    this.#faults.slow = random.pick([0, 0, 0.02]);
    this.#settings = {
      workers: random.integer(1, 2),
      maxBatchRecords: random.pick([2, 10, 1_000]),
      memoryBytes: random.pick([2_000, 1_000_000]),
    };
  }

  async run(): Promise<Outcome> {
    using _held = this.#time.hold(new Seeded(this.#seed ^ 0x5eed));
    for (let processes = this.#random.integer(1, 3); processes > 0; processes--) this.#start();
    this.#supervise();
    for (let burst = 15; burst > 0; burst--) this.#at(() => this.#produce());
    for (let fault = this.#random.integer(2, 10); fault > 0; fault--) {
      this.#at(this.#random.pick(this.#troubles));
    }
    for (let more = this.#added.integer(0, 4); more > 0; more--) {
      this.#time.after(this.#added.integer(0, troubled), this.#added.pick(this.#moreTroubles));
    }
    if (this.#added.chance(0.25)) this.#putBack();
    await this.#pass(troubled);
    Object.assign(this.#faults, { refused: 0, lost: 0, slow: 0 });
    this.#faults.down.clear();
    await this.#pass(patience, () => this.#left() === 0);
    // What would be written twice has time to be.
    await this.#pass(5_000);
    for (const process of this.#processes) process.kill();
    return { violations: this.#violations(), trace: this.#trace, records: this.#sent };
  }

  async #pass(milliseconds: number, until: () => boolean = () => false): Promise<void> {
    await this.#time.run(this.#time.now + milliseconds, () => this.#failures.length > 0 || until());
  }

  #at(run: () => void): void {
    this.#time.after(this.#random.integer(0, troubled), run);
  }

  readonly #troubles: (() => void)[] = [
    ...Array.from({ length: 3 }, () => () => this.#kill()),
    ...Array.from({ length: 2 }, () => () => this.#freeze()),
    () => this.#stop(),
    () => this.#start(),
    () => this.#worker("die"),
    () => this.#worker("hang"),
    () => this.#outage("log"),
    () => this.#outage("warehouse"),
    () => this.#rebalance(regrouped),
    () => this.#rebalance(behind),
  ];

  readonly #moreTroubles: (() => void)[] = [
    () => this.#reset(regrouped),
    () => this.#reset(behind),
    () => this.#partition(),
    () => this.#freezePublishing(),
  ];

  #start(): void {
    const wire = new Wire(
      `process ${++this.#started}`,
      this.#time,
      this.#random,
      this.#faults,
      this.#tell,
    );
    this.#processes.push(
      new SimulatedProcess({
        wire,
        stores: { log: this.#log, warehouse: this.#warehouse, tables: new FakeTables(() => undefined) },
        pipeline: regrouped,
        ...this.#settings,
        failed: (reason) => this.#failures.push(`a stage stopped for good: ${reason}`),
      }),
    );
  }

  #supervise(): void {
    if (!this.#alive()) this.#start();
    this.#time.after(2_000, () => this.#supervise());
  }

  #produce(): void {
    const last = this.#log.topics.get(sourceTopic)!.length - 1;
    const records = Array.from({ length: this.#random.integer(1, 30) }, () => {
      const value = new TextEncoder().encode(`${this.#sent++},k${this.#random.integer(0, 4)}`);
      return { key: null, value, headers: [], partition: this.#random.integer(0, last) };
    });
    this.#log.append(sourceTopic, records);
  }

  #kill(): void {
    const process = this.#alive();
    if (!process) return;
    this.#tell(`${process.wire.name} is killed`);
    process.kill();
    this.#forget(process);
    this.#time.after(this.#random.integer(0, 5_000), () => this.#start());
  }

  #freeze(): void {
    const process = this.#alive();
    if (!process || process.wire.frozen) return;
    const lasts = this.#random.integer(100, 12_000);
    this.#tell(`${process.wire.name} is frozen for ${lasts} ms`);
    process.wire.freeze();
    if (lasts > sessionTimeout) this.#forget(process);
    this.#time.after(lasts, () => process.wire.thaw());
  }

  #stop(): void {
    const process = this.#alive();
    if (!process) return;
    this.#tell(`${process.wire.name} is told to stop`);
    this.#processes = this.#processes.filter((each) => each !== process);
    process.stop().catch((error) => this.#failures.push(`a process could not stop: ${error}`));
    this.#time.after(5_000, () => {
      process.kill();
      this.#log.lose(process.wire);
    });
    this.#time.after(this.#random.integer(0, 5_000), () => this.#start());
  }

  #worker(what: "die" | "hang"): void {
    const workers = this.#alive()?.workers() ?? [];
    if (workers.length > 0) this.#random.pick(workers)[what]();
  }

  #outage(service: Service): void {
    this.#faults.down.add(service);
    this.#time.after(this.#random.integer(100, 6_000), () => this.#faults.down.delete(service));
  }

  #rebalance({ source: { topic, group } }: Pipeline): void {
    this.#log.group(topic, group).rebalance();
  }

  /** As by `weir offsets reset`: first the cursor of what the stage publishes, then its position. */
  #reset({ source: { topic, group } }: Pipeline): void {
    const source = { topic, group };
    const held = this.#warehouse.positions(source);
    if (held.length === 0) return;
    const { partition } = this.#added.pick(held);
    const next = this.#added.integer(0, this.#log.topics.get(topic)![partition]!.length);
    if (topic === sourceTopic) {
      const before = this.#published(partition);
      // It has no cursor before it has an owner.
      if (before === undefined) return;
      this.#cursors.push({ partition, before, next });
      this.#log.setCursors(topic, cursorGroup, new Map([[partition, next]]));
    }
    this.#warehouse.claim(source, [partition], new Map(), () => next);
    this.#time.after(this.#added.integer(0, 2_000), () => {
      this.#tell(`partition ${partition} of ${topic} is set to ${next}`);
      this.#warehouse.setPositions(source, new Map([[partition, next]]), "all", this.#log.topicId(topic));
    });
  }

  /** Behind the repartition, keys would leave their states behind. */
  #partition(): void {
    this.#tell("the source gets a partition");
    this.#log.addPartition(sourceTopic);
  }

  /** Just before it passes records on, and for so long that another takes over and passes on the same. */
  #freezePublishing(): void {
    const process = this.#processes.find(({ ended, wire }) => !ended && !wire.frozen);
    process?.wire.freezeAt(/ publish [1-9]/, () => {
      this.#tell(`${process.wire.name} is frozen before it publishes`);
      this.#forget(process);
      if (this.#processes.every(({ ended, wire }) => ended || wire.frozen)) this.#start();
      this.#time.after(sessionTimeout + this.#added.integer(100, 10_000), () => {
        this.#tell(`${process.wire.name} goes on`);
        process.wire.thaw();
      });
    });
  }

  /** As from an older backup, without a word to the processes. */
  #putBack(): void {
    const made = this.#added.integer(0, troubled - 1);
    this.#time.after(made, () => {
      // Made by processes that take it to be there from then on: before that they have to be started anew.
      if (!this.#warehouse.tables.has("public.numbered")) return;
      this.#tell("a backup of the warehouse is made");
      const restore = this.#warehouse.backup();
      this.#time.after(this.#added.integer(0, troubled - made), () => {
        this.#tell("the warehouse is put back from the backup");
        restore();
      });
    });
  }

  #forget({ wire }: SimulatedProcess): void {
    this.#time.after(sessionTimeout, () => this.#log.lose(wire));
  }

  #alive(): SimulatedProcess | undefined {
    const alive = this.#processes.filter((process) => !process.ended);
    return alive.length > 0 ? this.#random.pick(alive) : undefined;
  }

  /** How many records are not in the warehouse, or have not passed. */
  #left(): number {
    const ends = this.#log.topics.get(sourceTopic)!;
    const unpublished = ends.reduce(
      (sum, { length }, partition) => sum + length - (this.#published(partition) ?? 0),
      0,
    );
    return this.#lag(regrouped) + this.#lag(behind) + unpublished;
  }

  #lag({ source: { topic, group } }: Pipeline): number {
    const next = new Map(
      this.#warehouse.positions({ topic, group }).map((held) => [held.partition, held.next]),
    );
    return (this.#log.topics.get(topic) ?? []).reduce(
      (sum, { length }, partition) => sum + length - (next.get(partition) ?? 0),
      0,
    );
  }

  /** How far a partition of the source has passed; undefined before it has an owner. */
  #published(partition: number): number | undefined {
    return this.#log.group(sourceTopic, cursorGroup).committed.get(partition);
  }

  #violations(): string[] {
    const left = this.#left();
    return [
      ...this.#failures,
      ...left > 0 ? [`${left} records are left`] : [],
      ...stageViolations({ log: this.#log, warehouse: this.#warehouse, cursors: this.#cursors }),
    ];
  }

  readonly #tell = (line: string): void => {
    this.#trace.push(`${this.#time.elapsed.toFixed(0).padStart(7)} ${line}`);
  };
}
