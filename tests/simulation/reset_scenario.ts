import assert from "node:assert/strict";
import { resetPositions } from "../../src/runtime/reset_positions.ts";
import type { Unpublished } from "../../src/runtime/unpublished.ts";
import { publisherId } from "../../src/runtime/topic_cursor.ts";
import { Scenario } from "./scenario.ts";
import { group, outTopic, simulatedPipeline, sourceTopic } from "./simulated_pipeline.ts";
import { publishedTo } from "./stores.ts";
import type { Wire } from "./wire.ts";

export const source = { topic: sourceTopic, group };

/** A pipeline whose positions a test sets, partition by partition. */
export class ResetScenario implements Disposable {
  readonly scenario: Scenario;
  #resets = 0;

  constructor(seed = 1) {
    this.scenario = new Scenario(seed);
  }

  [Symbol.dispose](): void {
    this.scenario[Symbol.dispose]();
  }

  position(partition = 0): number {
    const held = this.scenario.stores.warehouse.positions(source);
    return held.find((each) => each.partition === partition)!.next;
  }

  cursor(partition = 0): number {
    return publishedTo(this.scenario.stores, partition);
  }

  end(partition = 0): number {
    return this.scenario.stores.log.topics.get(sourceTopic)![partition]!.length;
  }

  /** Offsets of the good records that the topic has, in order. */
  published(partition = 0): number[] {
    const { things, stores } = this.scenario;
    const text = (value: Uint8Array | null) => new TextDecoder().decode(value!);
    const offsets = new Map(
      things.made.filter((each) => each.partition === partition).map(({ value, offset }) =>
        [text(value), offset] as const
      ),
    );
    return stores.log.topics.get(outTopic)!.flat().map((record) => offsets.get(text(record!.value)))
      .filter((offset) => offset !== undefined).sort((a, b) => a - b);
  }

  /** Offsets of what was produced, from one on and before another. */
  made(from: number, before: number, partition = 0): number[] {
    return this.scenario.things.made.filter((each) =>
      each.partition === partition && each.offset >= from && each.offset < before
    ).map(({ offset }) => offset);
  }

  /** Ends the process that runs with records of partition 0 in the warehouse that the topic has not got. */
  async fallBehind(): Promise<void> {
    const { scenario } = this;
    const process = scenario.start();
    scenario.things.produce(20, "good");
    await scenario.allIsWell();
    let frozen = false;
    process.wire.freezeAt(new RegExp(`${publisherId(source, 0)} publish [1-9]`), () => frozen = true);
    scenario.things.produce(60, "good");
    await scenario.until("it is about to publish", () => frozen);
    process.kill();
    scenario.lose(process);
    await scenario.pass(30_000);
    assert.ok(this.cursor() < this.position() && this.position() < this.end());
  }

  /** Runs the command to its end. */
  async to(target: number, options: { skip?: boolean; partitions?: number } = {}): Promise<Unpublished[]> {
    const { result, settled } = this.command(
      new Map([[0, target]]),
      this.scenario.wire("the command"),
      options,
    );
    await this.scenario.until("the command ends", settled);
    return await result;
  }

  /** Starts the command. */
  command(
    positions: ReadonlyMap<number, number>,
    wire: Wire,
    { skip = false, partitions = Infinity }: { skip?: boolean; partitions?: number } = {},
  ): { result: Promise<Unpublished[]>; settled: () => boolean } {
    const { log, warehouse } = this.scenario.stores;
    const result = resetPositions({
      plan: simulatedPipeline,
      services: { log: log.connect(wire), warehouse: warehouse.connect(wire) },
      id: `reset ${++this.#resets}`,
      positions,
      offsets: log.offsets(sourceTopic, group).slice(0, partitions),
      topicId: log.topicId(sourceTopic),
      skipUnpublished: skip,
    });
    let settled = false;
    result.catch(() => {}).finally(() => settled = true);
    return { result, settled: () => settled };
  }

  isDone(): boolean {
    const held = this.scenario.stores.warehouse.positions(source);
    const partitions = this.scenario.stores.log.topics.get(sourceTopic)!.length;
    return held.length === partitions &&
      held.every(({ partition, next }) => next === this.end(partition) && this.cursor(partition) === next);
  }

  /** Starts a process, and waits until all is read and published. */
  async finish(): Promise<void> {
    this.scenario.start();
    await this.scenario.until("all is published", () => this.isDone());
  }
}
