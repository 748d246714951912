import type { Pipeline } from "../../src/pipeline.ts";
import { Seeded } from "../support/seeded.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { HeldTime } from "./held_time.ts";
import { behind, cursorGroup, regrouped, sourceTopic } from "./regrouped.ts";
import type { Outcome } from "./simulation.ts";
import { type SetCursor, stageViolations } from "./stage_invariants.ts";
import type { BrokenStores } from "./stores.ts";
import { TroubledProcesses } from "./troubled_processes.ts";
import { noFaults } from "./wire.ts";

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
  readonly #processes: TroubledProcesses;
  readonly #seed: number;
  readonly #cursors: SetCursor[] = [];
  #sent = 0;

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
    this.#processes = new TroubledProcesses({
      time: this.#time,
      random,
      faults: this.#faults,
      log: this.#log,
      warehouse: this.#warehouse,
      pipeline: regrouped,
      tell: this.#tell,
    });
  }

  async run(): Promise<Outcome> {
    using _held = this.#time.hold(new Seeded(this.#seed ^ 0x5eed));
    for (let processes = this.#random.integer(1, 3); processes > 0; processes--) this.#processes.start();
    this.#processes.supervise();
    for (let burst = 15; burst > 0; burst--) this.#at(() => this.#produce());
    for (let fault = this.#random.integer(2, 10); fault > 0; fault--) {
      this.#at(this.#random.pick(this.#troubles));
    }
    for (let more = this.#added.integer(0, 4); more > 0; more--) {
      this.#time.after(this.#added.integer(0, troubled), this.#added.pick(this.#moreTroubles));
    }
    if (this.#added.chance(0.25)) this.#putBack();
    await this.#processes.pass(troubled);
    Object.assign(this.#faults, { refused: 0, lost: 0, slow: 0 });
    this.#faults.down.clear();
    await this.#processes.pass(patience, () => this.#left() === 0);
    // What would be written twice has time to be.
    await this.#processes.pass(5_000);
    this.#processes.killAll();
    return { violations: this.#violations(), trace: this.#trace, records: this.#sent };
  }

  #at(run: () => void): void {
    this.#time.after(this.#random.integer(0, troubled), run);
  }

  readonly #troubles: (() => void)[] = [
    ...Array.from({ length: 3 }, () => () => this.#processes.kill()),
    ...Array.from({ length: 2 }, () => () => this.#processes.freeze()),
    () => this.#processes.stop(),
    () => this.#processes.start(),
    () => this.#processes.worker("die"),
    () => this.#processes.worker("hang"),
    () => this.#processes.outage("log"),
    () => this.#processes.outage("warehouse"),
    () => this.#rebalance(regrouped),
    () => this.#rebalance(behind),
  ];

  readonly #moreTroubles: (() => void)[] = [
    () => this.#reset(regrouped),
    () => this.#reset(behind),
    () => this.#partition(),
    () => this.#processes.freezePublishing(this.#added),
  ];

  #produce(): void {
    const last = this.#log.topics.get(sourceTopic)!.length - 1;
    const records = Array.from({ length: this.#random.integer(1, 30) }, () => {
      const value = new TextEncoder().encode(`${this.#sent++},k${this.#random.integer(0, 4)}`);
      return { key: null, value, headers: [], partition: this.#random.integer(0, last) };
    });
    this.#log.append(sourceTopic, records);
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
      ...this.#processes.failures,
      ...left > 0 ? [`${left} records are left`] : [],
      ...stageViolations({ log: this.#log, warehouse: this.#warehouse, cursors: this.#cursors }),
    ];
  }

  readonly #tell = (line: string): void => {
    this.#trace.push(`${this.#time.elapsed.toFixed(0).padStart(7)} ${line}`);
  };
}
