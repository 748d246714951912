/** `weir offsets reset` on simulated processes: what topics are behind with is neither lost nor repeated by it. */
import assert from "node:assert/strict";
import { resetPositions, type Unpublished } from "../../src/runtime/reset_positions.ts";
import { Scenario } from "./scenario.ts";
import { group, outTopic, simulatedPipeline, sourceTopic } from "./simulated_pipeline.ts";
import { publishedTo } from "./stores.ts";

const source = { topic: sourceTopic, group };

/** One partition's worth of a scenario: the other is left alone. */
class Reset implements Disposable {
  readonly scenario = new Scenario();
  readonly partition = 0;

  [Symbol.dispose](): void {
    this.scenario[Symbol.dispose]();
  }

  get position(): number {
    const held = this.scenario.stores.warehouse.positions(source);
    return held.find(({ partition }) => partition === this.partition)!.next;
  }

  get cursor(): number {
    return publishedTo(this.scenario.stores, this.partition);
  }

  get end(): number {
    return this.scenario.stores.log.topics.get(sourceTopic)![this.partition]!.length;
  }

  /** Offsets of the good records that the topic has, in its order, each partition of it by itself. */
  get published(): number[] {
    const { things, stores } = this.scenario;
    const text = (value: Uint8Array | null) => new TextDecoder().decode(value!);
    const offsets = new Map(
      things.made.filter(({ partition }) => partition === this.partition).map(({ value, offset }) =>
        [text(value), offset] as const
      ),
    );
    return stores.log.topics.get(outTopic)!.flat().map((record) => offsets.get(text(record!.value)))
      .filter((offset) => offset !== undefined).sort((a, b) => a - b);
  }

  /** Offsets of what was produced, from one on and before another. */
  made(from: number, before: number): number[] {
    return this.scenario.things.made.filter(({ partition, offset }) =>
      partition === this.partition && offset >= from && offset < before
    ).map(({ offset }) => offset);
  }

  /** Ends the process that runs with records in the warehouse that the topic has not got. */
  async fallBehind(): Promise<void> {
    const { scenario } = this;
    const process = scenario.start();
    scenario.things.produce(20, "good");
    await scenario.allIsWell();
    let frozen = false;
    process.wire.freezeAt(new RegExp(`/${this.partition} publish [1-9]`), () => frozen = true);
    scenario.things.produce(60, "good");
    await scenario.until("it is about to publish", () => frozen);
    process.kill();
    scenario.lose(process);
    await scenario.pass(30_000);
    assert.ok(this.cursor < this.position && this.position < this.end);
  }

  async to(target: number, skipUnpublished = false, partitions = Infinity): Promise<Unpublished[]> {
    const { scenario, partition } = this;
    const wire = scenario.wire("the command");
    const { log, warehouse } = scenario.stores;
    const result = resetPositions({
      plan: simulatedPipeline,
      services: { log: log.connect(wire), warehouse: warehouse.connect(wire) },
      positions: new Map([[partition, target]]),
      offsets: log.offsets(sourceTopic, group).slice(0, partitions),
      topicId: log.topicId(sourceTopic),
      skipUnpublished,
    });
    let settled = false;
    result.catch(() => {}).finally(() => settled = true);
    await scenario.until("the command ends", () => settled);
    return await result;
  }

  /** Starts a process, and waits until all is read and published. */
  async finish(): Promise<void> {
    this.scenario.start();
    await this.scenario.until(
      "all is published",
      () => this.position === this.end && this.cursor === this.end,
    );
  }
}

Deno.test("a reset to a later position is refused while a topic is behind, and changes nothing", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  const { position, cursor } = reset;
  await assert.rejects(reset.to(reset.end), {
    message:
      `Cannot set simulated to a later position: what ${
        position - cursor
      } offsets gave to its topics is not ` +
      `published yet, and would never be; the first are ${cursor} to ${
        position - 1
      } of partition 0, for out; run the ` +
      "pipeline until its topics are 0 behind, stop it and try again, or add --skip-unpublished to leave that out",
  });
  assert.deepEqual([reset.position, reset.cursor], [position, cursor]);
  await reset.finish();
  assert.deepEqual(reset.published, reset.made(0, reset.end));
});

Deno.test("a reset to a later position skips what topics lack when it is told to, and says how much that is", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  const { position, cursor, end } = reset;
  assert.deepEqual(await reset.to(end, true), [
    { topic: outTopic, partition: 0, from: cursor, to: position, gone: false },
  ]);
  reset.scenario.things.produce(20, "good");
  await reset.finish();
  assert.deepEqual(reset.published, [...reset.made(0, cursor), ...reset.made(end, reset.end)]);
});

Deno.test("a reset to a later position skips for tables and topics alike when no topic is behind", async () => {
  using reset = new Reset();
  const process = reset.scenario.start();
  reset.scenario.things.produce(30, "good");
  await reset.scenario.allIsWell();
  process.kill();
  reset.scenario.lose(process);
  const { position } = reset;
  reset.scenario.things.produce(30, "good");
  const { end } = reset;
  assert.deepEqual(await reset.to(end), []);
  reset.scenario.things.produce(30, "good");
  await reset.finish();
  assert.deepEqual(reset.published, [...reset.made(0, position), ...reset.made(end, reset.end)]);
});

Deno.test("a reset back to a position that a topic has not reached lets it go on where it is", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  const { position, cursor } = reset;
  assert.ok(cursor < position - 1);
  assert.deepEqual(await reset.to(position - 1), []);
  assert.deepEqual([reset.position, reset.cursor], [position - 1, cursor]);
  await reset.finish();
  assert.deepEqual(reset.published, reset.made(0, reset.end));
});

Deno.test("a reset back gives topics again what is read again, while a process runs", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  reset.scenario.start();
  await reset.scenario.until("all is published", () => reset.cursor === reset.end);
  assert.deepEqual(await reset.to(5), []);
  await reset.scenario.until(
    "it is read again",
    () => reset.position === reset.end && reset.cursor === reset.end,
  );
  const [first, again] = [reset.made(0, reset.end), reset.made(5, reset.end)];
  assert.deepEqual(reset.published, [...first, ...again].sort((a, b) => a - b));
});

Deno.test("a reset past records that retention has removed skips what topics lack of them, and says so", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  const { position, cursor } = reset;
  reset.scenario.stores.log.deleteBefore(sourceTopic, 0, position + 1);
  assert.deepEqual(await reset.to(position + 1), [
    { topic: outTopic, partition: 0, from: cursor, to: position, gone: true },
  ]);
  await reset.finish();
  assert.deepEqual(reset.published, [...reset.made(0, cursor), ...reset.made(position + 1, reset.end)]);
});

Deno.test("a reset in a topic that has fewer partitions than before forgets the others", async () => {
  using reset = new Reset();
  await reset.fallBehind();
  const held = () => reset.scenario.stores.warehouse.positions(source).map(({ partition }) => partition);
  assert.ok(held().length > 1);
  await reset.to(0, true, 1);
  assert.deepEqual(held(), [0]);
});
