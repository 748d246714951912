/** A pipeline that is changed while results of what it was wait in the outbox. */
import assert from "node:assert/strict";
import {
  aggregate,
  type Codec,
  count,
  kafka,
  mapWithState,
  max,
  type Operator,
  pipeline,
  text,
  topic,
} from "weir";
import type { Pipeline } from "../../src/pipeline.ts";
import type { Publisher } from "../../src/log/mod.ts";
import { leftBehind } from "../../src/runtime/left_behind.ts";
import { OutputTables } from "../../src/runtime/output_tables.ts";
import { Dispatcher } from "../../src/testing/dispatcher.ts";
import { MemoryLog } from "../../src/testing/memory_log.ts";
import { MemoryTables } from "../../src/testing/memory_tables.ts";
import { MemoryWarehouse } from "../../src/testing/memory_warehouse.ts";
import { SourceTopic } from "../../src/testing/source_topic.ts";

const source = kafka("values", { group: "g", codec: text() });
const codec: Codec<object> = {
  name: "columns",
  encode: (row) => new TextEncoder().encode(Object.entries(row).map((entry) => entry.join("=")).join(" ")),
  decode: () => assert.fail("results are only written"),
};
const out = () => topic<object>("out", { key: () => null, codec });
const by = (value: string) => ({ letter: value[0]! });
const counts = pipeline("p", {
  source,
  outputs: (stream) => [stream.pipe(aggregate({ by, compute: { n: count() } })).to(out())],
});
const tops = pipeline("p", {
  source,
  outputs: (stream) => [
    stream.pipe(aggregate({ by, compute: { n: count(), top: max((value) => value.length) } })).to(out()),
  ],
});
const turns = pipeline("p", {
  source,
  outputs: (stream) => [
    stream.pipe(mapWithState({
      by: (value) => value[0]!,
      initial: () => 0,
      update: (n, value) => ({ state: n + 1, emit: [{ letter: value[0]!, turn: n + 1 }] }),
    }) as Operator<string, object>).to(out()),
  ],
});

const copies = pipeline("p", {
  source,
  outputs: (stream) => [stream.to(topic("out", { key: () => null, codec: text() }))],
});

/** It takes no publications for a while. */
class DownLog extends MemoryLog {
  down = false;

  override publisher(): Publisher {
    const publisher = super.publisher();
    const publish: Publisher["publish"] = (publication) =>
      this.down ? Promise.reject(new Error("the log is down")) : publisher.publish(publication);
    return { ...publisher, publish };
  }
}

class Changed {
  readonly log = new DownLog();
  readonly warehouse = new MemoryWarehouse();
  readonly #values = new SourceTopic(source, 1);

  /** Runs a pipeline over more values, after what waits for it has been delivered. */
  async run(plan: Pipeline<string>, ...values: string[]): Promise<void> {
    const { log, warehouse } = this;
    const services = { log, warehouse, tables: new MemoryTables() };
    const dispatcher = new Dispatcher({ plan, partitions: 1, services, now: () => 0 });
    await dispatcher.restart();
    await dispatcher.process(this.#values.write(values.map((value) => this.#values.encode({ value }, 0)), 0));
  }

  /** Leaves what comes of the values in the outbox. */
  async leave(plan: Pipeline<string>, ...values: string[]): Promise<void> {
    this.log.down = true;
    await assert.rejects(this.run(plan, ...values), /the log is down/);
    this.log.down = false;
  }

  read(topic: string): string[] {
    return this.log.records(topic).map(({ value }) => new TextDecoder().decode(value!));
  }
}

Deno.test("a topic sink that is given to another kind of stream gets nothing of the former one's, which waits", async () => {
  const changed = new Changed();
  await changed.leave(counts, "a", "b");
  await changed.run(turns, "a");
  assert.deepEqual(changed.read("out"), ["letter=a turn=1"]);
  const told = (plan: Pipeline) =>
    leftBehind(plan, new OutputTables(plan, changed.warehouse).streams, changed.warehouse.outbox);
  assert.deepEqual(await told(turns), [
    '2 results for the topic "out" wait in the outbox since before the pipeline was changed; they go out when it is ' +
    "run as it was",
  ]);
  assert.deepEqual(await told(copies), await told(turns));
  assert.deepEqual(await told(counts), []);
  await changed.run(counts);
  assert.deepEqual(changed.read("out"), ["letter=a turn=1", "letter=a n=1", "letter=b n=1"]);
  assert.deepEqual(await told(turns), []);
  await changed.leave(turns, "a");
  await changed.run(counts, "a");
  assert.deepEqual(changed.read("out").slice(3), ["letter=a n=2"]);
  await changed.run(turns);
  assert.deepEqual(changed.read("out").slice(4), ["letter=a turn=2"]);
  assert.deepEqual(changed.read("values.dead-letter"), []);
});

Deno.test("results that lack a column of the changed pipeline become dead letters, and none is made up", async () => {
  const changed = new Changed();
  await changed.leave(counts, "a", "b");
  await changed.run(tops);
  assert.deepEqual(changed.read("out"), []);
  assert.deepEqual(changed.read("values.dead-letter"), ['{"letter":"a","n":"1"}', '{"letter":"b","n":"1"}']);
  const [letter] = changed.log.records("values.dead-letter");
  const headers = letter!.headers.map(({ value }) => new TextDecoder().decode(value!));
  assert.deepEqual(headers, ["write out", 'it has no "top": it was made before the pipeline was changed']);
  await changed.leave(tops, "ab");
  await changed.run(counts);
  assert.deepEqual(changed.read("out"), ["letter=a n=2"], "a column more does no harm");
});
