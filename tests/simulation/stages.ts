import { delimited, kafka, map, mapWithState, pipeline, postgresTable, repartition } from "weir";
import type { Pipeline } from "../../src/pipeline.ts";
import { Seeded } from "../support/seeded.ts";
import { sessionTimeout } from "./fake_consumer.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeTables } from "./fake_tables.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { HeldTime } from "./held_time.ts";
import { SimulatedProcess } from "./process.ts";
import type { Outcome } from "./simulation.ts";
import { noFaults, type Service, Wire } from "./wire.ts";

const codec = delimited(["id", "key"], ",");

/** Numbers the records of each key, which are in all partitions of the source. */
const regrouped = pipeline("regrouped", {
  source: kafka("things", { group: "g", codec }),
  outputs: (things) => {
    const numbered = things.pipe(
      repartition("by_key", { key: ({ key }) => key, codec, partitions: 2 }),
      mapWithState({
        by: ({ key }) => key,
        initial: () => 0,
        update: (count, { id, key }) => ({ state: count + 1, emit: [{ key, number: count + 1, id }] }),
      }),
    );
    const columns = { key: "text", number: "int", id: "text" } as const;
    return [
      things.pipe(map(({ id }) => ({ id }))).to(
        postgresTable("seen", { columns: { id: "text" }, key: ["id"] }),
      ),
      numbered.to(postgresTable("numbered", { columns, key: ["key", "number"] })),
    ];
  },
});
const [behind] = regrouped.stages;

/** Milliseconds in which things go wrong, and after that, in which everything must be brought in. */
const troubled = 15_000;
const patience = 120_000;

/** Runs one schedule of faults on both sides of a repartition, which the seed decides. */
export class StagesSimulation {
  readonly #random: Seeded;
  readonly #time = new HeldTime();
  readonly #trace: string[] = [];
  readonly #faults = noFaults();
  readonly #log: FakeLog;
  readonly #warehouse = new FakeWarehouse();
  readonly #failures: string[] = [];
  readonly #settings: { workers: number; maxBatchRecords: number; memoryBytes: number };
  readonly #seed: number;
  /** The values of all records. */
  readonly #sent: string[] = [];
  #processes: SimulatedProcess[] = [];
  #started = 0;

  constructor(seed: number) {
    const random = this.#random = new Seeded(this.#seed = seed);
    this.#log = new FakeLog({ time: this.#time, random, trace: this.#tell });
    this.#log.createTopic("things", 3);
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
    await this.#pass(troubled);
    Object.assign(this.#faults, { refused: 0, lost: 0, slow: 0 });
    this.#faults.down.clear();
    const left = () =>
      this.#left(regrouped) + this.#left(behind!) + (this.#sent.length - this.#passed.length);
    await this.#pass(patience, () => left() <= 0);
    // What would be written twice has time to be.
    await this.#pass(5_000);
    for (const process of this.#processes) process.kill();
    return { violations: this.#violations(), trace: this.#trace, records: this.#sent.length };
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
    () => this.#rebalance(behind!),
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
    const records = Array.from({ length: this.#random.integer(1, 30) }, () => {
      const line = `${this.#sent.length},k${this.#random.integer(0, 4)}`;
      this.#sent.push(line);
      const value = new TextEncoder().encode(line);
      return { key: null, value, headers: [], partition: this.#random.integer(0, 2) };
    });
    this.#log.append("things", records);
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

  #forget({ wire }: SimulatedProcess): void {
    this.#time.after(sessionTimeout, () => this.#log.lose(wire));
  }

  #alive(): SimulatedProcess | undefined {
    const alive = this.#processes.filter((process) => !process.ended);
    return alive.length > 0 ? this.#random.pick(alive) : undefined;
  }

  /** How many records of a stage's topic are not in the warehouse. */
  #left({ source: { topic, group } }: Pipeline): number {
    const positions = this.#warehouse.positions({ topic, group });
    const done = positions.reduce((sum, { next }) => sum + next, 0);
    return (this.#log.topics.get(topic) ?? []).flat().length - done;
  }

  /** What came to the topic between the stages. */
  get #passed(): string[] {
    const records = (this.#log.topics.get("by_key") ?? []).flat();
    return records.map((record) => new TextDecoder().decode(record!.value!));
  }

  #violations(): string[] {
    const wrong = [...this.#failures];
    const isAll = (lines: readonly string[]) => lines.toSorted().join() === this.#sent.toSorted().join();
    const passed = this.#passed;
    if (!isAll(passed)) wrong.push(`${passed.length} records have passed of ${this.#sent.length}`);
    const rows = this.#warehouse.rows("public.numbered");
    if (!isAll(rows.map(({ id, key }) => `${id},${key}`))) {
      wrong.push(`${rows.length} records are numbered of ${this.#sent.length}`);
    }
    for (const key of new Set(rows.map((row) => row.key))) {
      const numbers = rows.filter((row) => row.key === key).map(({ number }) => Number(number));
      if (numbers.toSorted((a, b) => a - b).some((number, i) => number !== i + 1)) {
        wrong.push(`${key} has the numbers ${numbers}`);
      }
    }
    const seen = this.#warehouse.rows("public.seen").length;
    if (seen !== this.#sent.length) {
      wrong.push(`the first stage has seen ${seen} records of ${this.#sent.length}`);
    }
    return wrong;
  }

  readonly #tell = (line: string): void => {
    this.#trace.push(`${this.#time.elapsed.toFixed(0).padStart(7)} ${line}`);
  };
}
