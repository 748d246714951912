import { resetPositions } from "../../src/runtime/reset_positions.ts";
import { Seeded } from "../support/seeded.ts";
import { sessionTimeout } from "./fake_consumer.ts";
import { HeldTime } from "./held_time.ts";
import { heldBytes, recordsMoved, violations } from "./invariants.ts";
import { SimulatedProcess } from "./process.ts";
import { group, simulatedPipeline, sourceTopic } from "./simulated_pipeline.ts";
import { type BrokenStores, openStores, publishedTo, type Stores } from "./stores.ts";
import { ThingSource } from "./thing_source.ts";
import { type Faults, noFaults, type Service, Wire } from "./wire.ts";

export interface SimulationOptions extends BrokenStores {
  readonly seed: number;
}

export interface Outcome {
  /** What should not be; empty when all is well. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** Records that were produced. */
  readonly records: number;
}

/** Milliseconds in which things go wrong. */
const troubled = 20_000;
/** Milliseconds after that, in which everything must be brought in. */
const patience = 150_000;
/** Milliseconds after which nothing is on its way any more of what was sent. */
const longestRequest = 31_000;

/**
 * Runs one schedule of faults, which its seed decides: some processes of one group read a topic while records come in, and
 * processes, workers, requests and answers are lost, delayed and repeated. Then the faults end, and all must come right.
 */
export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const simulation = new Simulation(options);
  using _held = simulation.time.hold(new Seeded(options.seed ^ 0x5eed));
  const unhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    simulation.violations.push(`a rejection was not handled: ${event.reason?.stack ?? event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", unhandled);
  try {
    return await simulation.run();
  } finally {
    globalThis.removeEventListener("unhandledrejection", unhandled);
  }
}

class Simulation {
  readonly time = new HeldTime();
  readonly violations: string[] = [];
  readonly #random: Seeded;
  /** For what was added later, so that the seeds before it still do what they did. */
  readonly #added: Seeded;
  readonly #faults: Faults = noFaults();
  readonly #trace: string[] = [];
  readonly #stores: Stores;
  readonly #things: ThingSource;
  readonly #memoryBytes: number;
  readonly #maxBatchRecords: number;
  readonly #mostProcesses: number;
  readonly #workers: number;
  #processes: SimulatedProcess[] = [];
  #started = 0;
  #mayReset = true;
  #resets = 0;
  /** Commands that may still set a position. */
  readonly #resetting = new Set<string>();
  #steps = 0;

  constructor({ seed, ...given }: SimulationOptions) {
    const random = this.#random = new Seeded(seed);
    this.#added = new Seeded(seed ^ 0xadded);
    this.#stores = openStores({ time: this.time, random, trace: this.#tell }, given);
    this.#mostProcesses = random.integer(1, 3);
    this.#workers = random.integer(1, 2);
    this.#maxBatchRecords = random.pick([2, 10, 1_000]);
    this.#memoryBytes = random.pick([2_000, 10_000, 1_000_000]);
    this.#faults.refused = random.pick([0, 0.02, 0.2]);
    this.#faults.lost = random.pick([0, 0.02, 0.2]);
    this.#faults.slow = random.pick([0, 0, 0.01, 0.05]);
    this.#things = new ThingSource(this.#stores.log, random, () => this.time.now);
  }

  async run(): Promise<Outcome> {
    const { log } = this.#stores;
    log.createTopic(sourceTopic, this.#random.integer(1, 3));
    for (let i = 0; i < this.#mostProcesses; i++) this.#startProcess();
    this.#supervise();
    this.#schedule();
    const start = this.time.now;
    await this.time.run(start + troubled, () => this.violations.length > 0, () => this.#look());
    this.#heal();
    const done = () => this.violations.length > 0 || this.#lag() === 0;
    const came = await this.time.run(start + troubled + patience, done, () => this.#look());
    if (!came) {
      this.violations.push(`not all is done, ${patience / 1_000} s after the last fault: ${this.#where()}`);
    }
    if (this.violations.length === 0) {
      const all = { stores: this.#stores, things: this.#things.made, statuses: this.#statuses() };
      this.violations.push(...violations(all));
    }
    return { violations: this.violations, trace: this.#trace, records: this.#things.made.length };
  }

  /** What will happen, and when. */
  #schedule(): void {
    const random = this.#random;
    for (let burst = random.integer(3, 15); burst > 0; burst--) {
      this.#at(() => this.#things.produce(random.integer(1, 25)));
    }
    for (let fault = random.integer(0, 12); fault > 0; fault--) {
      const what = random.pick(this.#troubles);
      this.#at(() => what());
    }
    for (let freeze = this.#added.integer(-1, 3); freeze > 0; freeze--) {
      this.time.after(this.#added.integer(0, troubled), () => this.#freezePublishing());
    }
    if (this.#added.chance(0.25)) this.#putBack();
  }

  #at(run: () => void): void {
    this.time.after(this.#random.integer(0, troubled), run);
  }

  readonly #troubles: (() => void)[] = [
    () => this.#kill(),
    () => this.#kill(),
    () => this.#freeze(),
    () => this.#freeze(),
    () => this.#stop(),
    () => this.#partition(),
    () => this.#reset(),
    () => this.#worker("die"),
    () => this.#worker("hang"),
    () => this.#outage("log"),
    () => this.#outage("tables"),
    () => this.#outage("warehouse"),
    () => this.#stores.log.group(sourceTopic, group).rebalance(),
    () => this.#startProcess(),
  ];

  #startProcess(): void {
    const name = `process ${++this.#started}`;
    this.#tell(`${name} starts`);
    const wire = new Wire(name, this.time, this.#random, this.#faults, this.#tell);
    this.#processes.push(
      new SimulatedProcess({
        wire,
        stores: this.#stores,
        workers: this.#workers,
        maxBatchRecords: this.#maxBatchRecords,
        memoryBytes: this.#memoryBytes,
        failed: (reason) => this.violations.push(`a pipeline stopped for good: ${reason}`),
      }),
    );
  }

  /** Starts a process when there is none, as systemd or Kubernetes does. */
  #supervise(): void {
    this.time.after(2_000, () => {
      if (!this.#alive()) this.#startProcess();
      this.#supervise();
    });
  }

  #kill(): void {
    const process = this.#alive();
    if (!process) return;
    this.#tell(`${process.wire.name} is killed`);
    process.kill();
    this.#forget(process);
    if (this.#random.chance(0.8)) {
      this.time.after(this.#random.integer(0, 10_000), () => this.#startProcess());
    }
  }

  /** As by SIGSTOP, or a machine that swaps: the group may give its partitions away meanwhile. */
  #freeze(): void {
    const process = this.#alive();
    if (!process || process.wire.frozen) return;
    this.#tell(`${process.wire.name} is frozen`);
    process.wire.freeze();
    const lasts = this.#random.integer(100, 15_000);
    if (lasts > sessionTimeout) this.#forget(process);
    this.time.after(lasts, () => {
      this.#tell(`${process.wire.name} goes on`);
      process.wire.thaw();
    });
  }

  /** Just before it publishes, and for so long that another takes over and publishes the same. */
  #freezePublishing(): void {
    const process = this.#processes.find(({ ended, wire }) => !ended && !wire.frozen);
    process?.wire.freezeAt(/ publish [1-9]/, () => {
      this.#tell(`${process.wire.name} is frozen before it publishes`);
      this.#forget(process);
      if (this.#processes.every(({ ended, wire }) => ended || wire.frozen)) this.#startProcess();
      this.time.after(sessionTimeout + this.#added.integer(100, 10_000), () => {
        this.#tell(`${process.wire.name} goes on`);
        process.wire.thaw();
      });
    });
  }

  #forget({ wire }: SimulatedProcess): void {
    this.time.after(sessionTimeout, () => this.#stores.log.lose(wire));
  }

  #stop(): void {
    const process = this.#alive();
    if (!process) return;
    this.#tell(`${process.wire.name} is told to stop`);
    // It can be told only once, and may hang while a service is down: then it is killed.
    this.#processes = this.#processes.filter((each) => each !== process);
    process.stop().catch((error) =>
      this.violations.push(`${process.wire.name} could not stop: ${error.stack}`)
    );
    this.time.after(5_000, () => {
      process.kill();
      this.#stores.log.lose(process.wire);
    });
    this.time.after(this.#random.integer(0, 8_000), () => this.#startProcess());
  }

  #partition(): void {
    this.#tell("the topic gets a partition");
    this.#stores.log.addPartition(sourceTopic);
  }

  /** By the command, which may be killed. */
  #reset(): void {
    const source = { topic: sourceTopic, group };
    const { warehouse, log } = this.#stores;
    const held = warehouse.positions(source);
    if (held.length === 0 || !this.#mayReset) return;
    const { partition } = this.#random.pick(held);
    const next = this.#random.integer(0, log.topics.get(sourceTopic)![partition]!.length);
    const name = `reset ${++this.#resets}`;
    this.#tell(`${name} sets partition ${partition} to ${next}`);
    const wire = new Wire(name, this.time, this.#added, this.#faults, this.#tell);
    const result = resetPositions({
      plan: simulatedPipeline,
      services: { log: log.connect(wire), warehouse: warehouse.connect(wire) },
      id: name,
      positions: new Map([[partition, next]]),
      offsets: log.offsets(sourceTopic, group),
      topicId: log.topicId(sourceTopic),
      skipUnpublished: this.#added.chance(0.8),
    });
    const ended = () => this.#resetting.delete(name);
    this.#resetting.add(name);
    result.then(() => this.#tell(`${name} is done`), (error) => this.#tell(`${name}: ${error.message}`)).then(
      ended,
    );
    if (!this.#added.chance(0.4)) return;
    this.time.after(this.#added.integer(0, 300), () => {
      this.#tell(`${name} is killed`);
      wire.cut();
      this.time.after(longestRequest, ended);
    });
  }

  /** As from an older backup, without a word to the processes. */
  #putBack(): void {
    const made = this.#added.integer(0, troubled - 1);
    this.time.after(made, () => {
      // Made by processes that take it to be there from then on: before that they have to be started anew.
      if (!this.#stores.warehouse.tables.has("public.windows")) return;
      if (this.#resetting.size > 0) return;
      this.#tell("a backup of the warehouse is made");
      const restore = this.#stores.warehouse.backup();
      // The positions in the topics would not go back with it.
      this.#mayReset = false;
      this.time.after(this.#added.integer(0, troubled - made), () => {
        this.#tell("the warehouse is put back from the backup");
        restore();
      });
    });
  }

  #worker(what: "die" | "hang"): void {
    const process = this.#alive();
    const workers = process?.workers() ?? [];
    if (workers.length === 0) return;
    this.#tell(`a worker of ${process!.wire.name} is to ${what}`);
    this.#random.pick(workers)[what]();
  }

  #outage(service: Service): void {
    this.#tell(`the ${service} is down`);
    this.#faults.down.add(service);
    this.time.after(this.#random.integer(100, 8_000), () => {
      this.#tell(`the ${service} is up`);
      this.#faults.down.delete(service);
    });
  }

  #alive(): SimulatedProcess | undefined {
    const alive = this.#processes.filter((process) => !process.ended);
    return alive.length > 0 ? this.#random.pick(alive) : undefined;
  }

  /** Nothing goes wrong any more; some records come in still. */
  #heal(): void {
    this.#tell("all is well from now on");
    Object.assign(this.#faults, { refused: 0, lost: 0, slow: 0 });
    this.#faults.down.clear();
    this.#things.produce(5);
  }

  /** Looked at now and then; it costs more than a step does. */
  #look(): void {
    if (this.#steps++ % 100 !== 0) return;
    for (const process of this.#processes.filter((each) => !each.ended)) {
      const status = process.status();
      if (!status) continue;
      const { in: came, out, filtered, deadLettered } = status.records;
      if (came !== out + filtered + deadLettered) {
        this.violations.push(`${process.wire.name} counts ${JSON.stringify(status.records)}`);
      }
      const moved = recordsMoved(this.#stores, process.wire.name);
      if (came > moved) {
        this.violations.push(`${process.wire.name} counts ${came} records, and brought in ${moved}`);
      }
      const held = heldBytes(status, this.#stores.log);
      if (held.bytes > this.#memoryBytes + held.fetches) {
        this.violations.push(
          `${process.wire.name} holds ${held.bytes} bytes, and ${this.#memoryBytes} are allowed`,
        );
      }
    }
  }

  /** Records that are not in the warehouse or not published, or that lag tools believe are not. */
  #lag(): number {
    const offsets = this.#stores.log.offsets(sourceTopic, group);
    const held = this.#stores.warehouse.positions({ topic: sourceTopic, group });
    return offsets.reduce((sum, { partition, end, committed }) => {
      const next = held.find((each) => each.partition === partition)?.next ?? 0;
      return sum + Math.abs(end - next) + Math.abs(end - (committed ?? 0)) +
        Math.abs(end - publishedTo(this.#stores, partition));
    }, 0);
  }

  #statuses() {
    return this.#processes.flatMap((process) => process.status() ?? []);
  }

  #where(): string {
    return JSON.stringify({
      log: this.#stores.log.offsets(sourceTopic, group),
      warehouse: this.#stores.warehouse.positions({ topic: sourceTopic, group }),
      statuses: this.#statuses().map(({ state, reason, partitions }) => ({ state, reason, partitions })),
    });
  }

  readonly #tell = (line: string): void => {
    this.#trace.push(`${this.time.elapsed.toFixed(0).padStart(7)} ${line}`);
  };
}
