import assert from "node:assert/strict";
import { Seeded } from "../support/seeded.ts";
import { sessionTimeout } from "./fake_consumer.ts";
import { HeldTime } from "./held_time.ts";
import { violations } from "./invariants.ts";
import { SimulatedProcess } from "./process.ts";
import { deadLetterTopic, group, outTopic, sourceTopic } from "./simulated_pipeline.ts";
import { type BrokenStores, openStores, publishedTo, type Stores } from "./stores.ts";
import { ThingSource } from "./thing_source.ts";
import { noFaults, Wire } from "./wire.ts";

const patience = 60_000;

/** Simulated processes that a test leads through one thing that goes wrong. */
export class Scenario implements Disposable {
  readonly time = new HeldTime();
  readonly faults = noFaults();
  readonly things: ThingSource;
  readonly stores: Stores;
  readonly trace: string[] = [];
  /** Why pipelines have stopped for good. */
  readonly failures: string[] = [];
  readonly #random: Seeded;
  readonly #held: Disposable;
  #started = 0;

  constructor(seed = 1, broken: BrokenStores = {}) {
    this.#random = new Seeded(seed);
    this.#held = this.time.hold(new Seeded(seed));
    const trace = (line: string) => void this.trace.push(line);
    this.stores = openStores({ time: this.time, random: this.#random, trace }, broken);
    this.stores.log.createTopic(sourceTopic, 2);
    this.things = new ThingSource(this.stores.log, this.#random, () => this.time.now);
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** What connects somebody with the stores. */
  wire(name: string): Wire {
    return new Wire(name, this.time, this.#random, this.faults, (line) => void this.trace.push(line));
  }

  start(wire = this.wire(`process ${++this.#started}`)): SimulatedProcess {
    return new SimulatedProcess({
      wire,
      stores: this.stores,
      workers: 1,
      maxBatchRecords: 10,
      memoryBytes: 1_000_000,
      failed: (reason) => this.failures.push(reason),
    });
  }

  /** As kill -9, or what looks like it to the group: its partitions go to others when the session has timed out. */
  lose(process: SimulatedProcess): void {
    this.time.after(sessionTimeout, () => this.stores.log.lose(process.wire));
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const came = await this.time.run(this.time.now + patience, condition);
    assert.ok(came, `waited in vain until ${what}:\n${this.trace.slice(-20).join("\n")}\n${this.failures}`);
  }

  /** Lets so many milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    await this.time.run(this.time.now + milliseconds, () => false);
  }

  /** How many of the records are in the warehouse. */
  get done(): number {
    const held = this.stores.warehouse.positions({ topic: sourceTopic, group });
    const next = (partition: number) => held.find((each) => each.partition === partition)?.next ?? 0;
    return this.things.made.filter(({ partition, offset }) => offset < next(partition)).length;
  }

  /** Waits until all is read, and checks that it went where it should. */
  async allIsWell(): Promise<void> {
    const isPublished = () =>
      this.stores.log.topics.get(sourceTopic)!.every((records, partition) =>
        publishedTo(this.stores, partition) === records.length
      );
    await this.until("all is read", () => this.done === this.things.made.length && isPublished());
    assert.deepEqual(violations({ stores: this.stores, things: this.things.made }), []);
    assert.deepEqual(this.failures, []);
  }

  /** How many records a topic has. */
  count(topic: typeof outTopic | typeof deadLetterTopic): number {
    return this.stores.log.topics.get(topic)!.flat().length;
  }
}
