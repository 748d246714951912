import { kafka, map, mapWithState, pipeline, postgresTable, repartition, text, union } from "weir";
import { type Pipeline, stagesOf } from "../../src/pipeline.ts";
import { Seeded } from "../support/seeded.ts";
import { FakeLog } from "./fake_log.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import { HeldTime } from "./held_time.ts";
import type { Outcome } from "./simulation.ts";
import { TroubledProcesses } from "./troubled_processes.ts";
import { noFaults } from "./wire.ts";

const codec = text();
const keyOf = (line: string) => line.split(" ")[1]!;

/** Numbers the lines of each key, which are in all partitions of two topics. */
const met = pipeline("met", {
  source: kafka("left", { group: "g", codec }),
  sources: { right: kafka("right", { group: "h", codec }) },
  outputs: (left, { right }) => [
    left.pipe(
      union(right),
      repartition("both", { key: keyOf, codec }),
      mapWithState({
        by: keyOf,
        initial: () => 0,
        update: (count, line) => ({
          state: count + 1,
          emit: [{ key: keyOf(line), number: count + 1, line }],
        }),
      }),
    ).to(
      postgresTable("numbered", {
        columns: { key: "text", number: "int", line: "text" },
        key: ["key", "number"],
      }),
    ),
    right.pipe(map((line) => ({ line }))).to(
      postgresTable("seen", { columns: { line: "text" }, key: ["line"] }),
    ),
  ],
});
const partitions = { left: 3, right: 2 } as const;

/** Milliseconds in which things go wrong, and after that, in which everything must be brought in. */
const troubled = 15_000;
const patience = 120_000;

/** Runs one schedule of faults, which the seed decides, on two topics that meet in a third. */
export class MeetingSimulation {
  readonly #random: Seeded;
  readonly #time = new HeldTime();
  readonly #trace: string[] = [];
  readonly #faults = noFaults();
  readonly #log: FakeLog;
  readonly #warehouse = new FakeWarehouse();
  readonly #processes: TroubledProcesses;
  readonly #seed: number;
  readonly #sent: { readonly left: string[]; readonly right: string[] } = { left: [], right: [] };

  constructor(seed: number) {
    const random = this.#random = new Seeded(this.#seed = seed);
    this.#log = new FakeLog({ time: this.#time, random, trace: this.#tell });
    for (const [topic, count] of Object.entries(partitions)) this.#log.createTopic(topic, count);
    this.#faults.refused = random.pick([0, 0.02, 0.2]);
    this.#faults.lost = random.pick([0, 0.02, 0.2]);
    this.#processes = new TroubledProcesses({
      time: this.#time,
      random,
      faults: this.#faults,
      log: this.#log,
      warehouse: this.#warehouse,
      pipeline: met,
      tell: this.#tell,
    });
  }

  async run(): Promise<Outcome> {
    using _held = this.#time.hold(new Seeded(this.#seed ^ 0x5eed));
    for (let processes = this.#random.integer(1, 3); processes > 0; processes--) this.#processes.start();
    this.#processes.supervise();
    for (let burst = 20; burst > 0; burst--) this.#at(() => this.#produce());
    for (let fault = this.#random.integer(2, 10); fault > 0; fault--) {
      this.#at(this.#random.pick(this.#troubles));
    }
    await this.#processes.pass(troubled);
    Object.assign(this.#faults, { refused: 0, lost: 0 });
    this.#faults.down.clear();
    await this.#processes.pass(
      patience,
      () => stagesOf(met).every((plan) => this.#left(plan) === 0) && this.#isMet(),
    );
    // What would be written twice has time to be.
    await this.#processes.pass(5_000);
    this.#processes.killAll();
    return { violations: this.#violations(), trace: this.#trace, records: this.#all.length };
  }

  #at(run: () => void): void {
    this.#time.after(this.#random.integer(0, troubled), run);
  }

  readonly #troubles: (() => void)[] = [
    ...Array.from({ length: 3 }, () => () => this.#processes.kill()),
    () => this.#processes.freeze(),
    () => this.#processes.start(),
    () => this.#processes.worker("die"),
    () => this.#processes.worker("hang"),
    () => this.#processes.outage("log"),
    () => this.#processes.outage("warehouse"),
    ...stagesOf(met).map(({ source: { topic, group } }) => () => this.#log.group(topic, group).rebalance()),
  ];

  /** Lines of one topic: who made them, and their key. */
  #produce(): void {
    const topic = this.#random.pick(["left", "right"] as const);
    const records = Array.from({ length: this.#random.integer(1, 30) }, () => {
      const line = `${topic}-${this.#sent[topic].length} k${this.#random.integer(0, 4)}`;
      this.#sent[topic].push(line);
      const partition = this.#random.integer(0, partitions[topic] - 1);
      return { key: null, value: new TextEncoder().encode(line), headers: [], partition };
    });
    this.#log.append(topic, records);
  }

  get #all(): string[] {
    return [...this.#sent.left, ...this.#sent.right].sort();
  }

  /** How many records of a stage's topic are not in the warehouse. */
  #left({ source: { topic, group } }: Pipeline): number {
    const positions = this.#warehouse.positions({ topic, group });
    const done = positions.reduce((sum, { next }) => sum + next, 0);
    return (this.#log.topics.get(topic) ?? []).flat().length - done;
  }

  #isMet(): boolean {
    return (this.#log.topics.get("both") ?? []).flat().length >= this.#all.length;
  }

  #violations(): string[] {
    const wrong = [...this.#processes.failures];
    const compare = (what: string, found: readonly string[], expected: readonly string[]) => {
      if (found.toSorted().join() === expected.toSorted().join()) return;
      wrong.push(`${what}: ${found.length} lines of ${expected.length}`);
    };
    const both = this.#log.topics.get("both") ?? [];
    compare("have met", both.flat().map((record) => new TextDecoder().decode(record!.value!)), this.#all);
    if (both.length !== partitions.left) wrong.push(`they met in ${both.length} partitions`);
    const rows = this.#warehouse.rows("public.numbered");
    compare("are numbered", rows.map(({ line }) => line!), this.#all);
    for (const key of new Set(rows.map((row) => row.key))) {
      const numbers = rows.filter((row) => row.key === key).map(({ number }) => Number(number));
      if (numbers.toSorted((a, b) => a - b).some((number, i) => number !== i + 1)) {
        wrong.push(`${key} has the numbers ${numbers}`);
      }
    }
    compare("were seen", this.#warehouse.rows("public.seen").map(({ line }) => line!), this.#sent.right);
    return wrong;
  }

  readonly #tell = (line: string): void => {
    this.#trace.push(`${this.#time.elapsed.toFixed(0).padStart(7)} ${line}`);
  };
}
