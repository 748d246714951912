/** What the README says of "what happens when", one by one, on simulated processes. */
import assert from "node:assert/strict";
import type { Transaction } from "../../src/warehouse/mod.ts";
import { UnfencedLog } from "./fake_log.ts";
import { FakeWarehouse } from "./fake_warehouse.ts";
import type { SimulatedProcess } from "./process.ts";
import { Scenario } from "./scenario.ts";
import { publishedTo, resetTo } from "./stores.ts";
import type { Kind } from "./thing_source.ts";
import { group, outTopic, sourceTopic } from "./simulated_pipeline.ts";

const source = { topic: sourceTopic, group };

/** Something of the records is in the warehouse, and something is not. */
async function midway(scenario: Scenario, kind?: Kind): Promise<void> {
  const before = scenario.done;
  scenario.things.produce(100, kind);
  await scenario.until("some is read", () => scenario.done > before + 20);
  assert.ok(scenario.done < scenario.things.made.length);
}

Deno.test("stop: what is on the way is brought in, and nothing is written twice", async () => {
  using scenario = new Scenario();
  const process = scenario.start();
  await midway(scenario, "good");
  let stopped = false;
  const stopping = process.stop().then(() => stopped = true);
  await scenario.until("it has stopped", () => stopped);
  await stopping;
  scenario.start();
  await scenario.allIsWell();
  assert.equal(scenario.count(outTopic), scenario.things.made.length);
});

Deno.test("kill -9: the next process goes on from the last transaction", async () => {
  using scenario = new Scenario();
  for (let round = 0; round < 3; round++) {
    const process = scenario.start();
    await midway(scenario);
    process.kill();
    scenario.lose(process);
  }
  scenario.start();
  await scenario.allIsWell();
});

Deno.test("a process that is frozen just before its commit arrives is fenced, and joins again by itself", async () => {
  using scenario = new Scenario();
  const first = scenario.start();
  await midway(scenario);
  first.wire.freeze();
  scenario.lose(first);
  const held = scenario.stores.warehouse.positions(source);
  const second = scenario.start();
  await scenario.until("another has all", () => scenario.done === scenario.things.made.length);
  const after = scenario.stores.warehouse.positions(source);
  assert.ok(after.every(({ epoch }, i) => epoch > held[i]!.epoch), "it took the partitions");
  first.wire.thaw();
  await scenario.until("they share", () => owned(first) === 1 && owned(second) === 1);
  scenario.things.produce(20);
  await scenario.allIsWell();
});

/** A process stands still with records that are in the warehouse and not published, while another publishes them. */
async function takenOverBeforePublishing(scenario: Scenario): Promise<void> {
  const first = scenario.start();
  let frozen = false;
  first.wire.freezeAt(/ publish [1-9]/, () => frozen = true);
  scenario.things.produce(30, "good");
  await scenario.until("it is about to publish", () => frozen);
  scenario.lose(first);
  scenario.start();
  await scenario.until(
    "another has published all",
    () => scenario.done === 30 && scenario.count(outTopic) === 30,
  );
  first.wire.thaw();
  await scenario.pass(60_000);
}

Deno.test("a process that is frozen just before it publishes is fenced, and each record is published once", async () => {
  using scenario = new Scenario();
  await takenOverBeforePublishing(scenario);
  await scenario.allIsWell();
  assert.equal(scenario.count(outTopic), 30);
});

Deno.test("without the fence of publishers it publishes records a second time", async () => {
  using scenario = new Scenario(1, { openLog: (options) => new UnfencedLog(options) });
  await takenOverBeforePublishing(scenario);
  assert.ok(scenario.count(outTopic) > 30);
});

Deno.test("a service that is down: the pipeline says so and waits, for as long as it takes", async () => {
  for (const service of ["log", "tables", "warehouse"] as const) {
    using scenario = new Scenario();
    const process = scenario.start();
    await midway(scenario);
    scenario.faults.down.add(service);
    await scenario.until("it is stalled and says why", () => {
      const { state, reason } = process.status()!;
      return state === "stalled" && reason!.includes(`${service}: connection refused`);
    });
    await scenario.pass(3_600_000);
    assert.equal(process.status()!.state, "stalled");
    scenario.faults.down.clear();
    await scenario.allIsWell();
    await scenario.until("it runs", () => process.status()!.state === "running");
  }
});

/** Loses the answers of its first commits. */
class MuteWarehouse extends FakeWarehouse {
  commits = 0;

  override commit(transaction: Transaction, by: string): void {
    super.commit(transaction, by);
    if (++this.commits <= 5) throw new Error("connection reset");
  }
}

Deno.test("COMMIT without an answer: nothing is written twice, and nothing is read again", async () => {
  using scenario = new Scenario(1, { warehouse: new MuteWarehouse() });
  const process = scenario.start();
  scenario.things.produce(100, "good");
  await scenario.allIsWell();
  await scenario.until("all is counted", () => process.status()!.records.in === 100);
  assert.equal(scenario.count(outTopic), 100);
});

Deno.test("a record that is too large for a topic is counted as a dead letter, and the counts never fall", async () => {
  using scenario = new Scenario();
  const process = scenario.start();
  for (const kind of ["good", "large", "good", "invalid", "large"] as const) {
    scenario.things.produce(10, kind);
  }
  let last = { in: 0, out: 0, filtered: 0, deadLettered: 0 };
  const look = () => {
    const { late: _, ahead: __, ...counts } = process.status()?.records ?? { ...last, late: 0, ahead: 0 };
    assert.equal(counts.in, counts.out + counts.filtered + counts.deadLettered);
    assert.ok(counts.in >= last.in && counts.out >= last.out && counts.deadLettered >= last.deadLettered);
    last = counts;
    return counts.in === 50;
  };
  await scenario.until("all is counted", look);
  assert.deepEqual(last, { in: 50, out: 20, filtered: 0, deadLettered: 30 });
  await scenario.allIsWell();
  look();
});

Deno.test("a worker that dies, and one that does not answer: its partitions go on from the last transaction", async () => {
  for (const end of ["die", "hang"] as const) {
    using scenario = new Scenario();
    const process = scenario.start();
    await midway(scenario);
    process.workers()[0]![end]();
    await scenario.allIsWell();
    assert.equal(process.workers().length, 1);
  }
});

/** Tells when it is asked for positions. */
class WatchedWarehouse extends FakeWarehouse {
  asked = () => {};

  override positions(...source: Parameters<FakeWarehouse["positions"]>) {
    this.asked();
    return super.positions(...source);
  }
}

Deno.test("a worker that dies while its lane starts over: the lane starts over again", async () => {
  const warehouse = new WatchedWarehouse();
  using scenario = new Scenario(1, { warehouse });
  const process = scenario.start();
  await midway(scenario);
  let deaths = 0;
  const reasons = new Set<string | undefined>();
  process.workers()[0]!.die();
  warehouse.asked = () => {
    // A lane starts over when its worker is ready again.
    if (deaths < 4 && process.ready && process.status()!.state === "stalled") {
      deaths++;
      process.workers()[0]!.die();
    }
  };
  const all = () => {
    reasons.add(process.status()!.reason);
    return scenario.done === scenario.things.made.length;
  };
  await scenario.until("all is read", all);
  assert.equal(deaths, 4);
  assert.deepEqual([...reasons].filter((reason) => /not assigned/.test(reason ?? "")), []);
  const records = process.status()!.records;
  assert.equal(records.in, records.out + records.filtered + records.deadLettered);
});

Deno.test("the position is gone: the pipeline stops and says which records, and a reset resolves it", async () => {
  using scenario = new Scenario();
  const process = scenario.start();
  await midway(scenario);
  process.kill();
  scenario.lose(process);
  const [held] = scenario.stores.warehouse.positions(source);
  const gone = held!.next + 2;
  const next = Math.min(held!.next, publishedTo(scenario.stores, held!.partition));
  scenario.stores.log.deleteBefore(sourceTopic, held!.partition, gone);
  scenario.start();
  await scenario.until("it stops", () => scenario.failures.length > 0);
  assert.match(
    scenario.failures[0]!,
    new RegExp(
      `partition ${held!.partition} of things at offset ${next}( for the topics that it writes to)?: ` +
        `retention has removed the records from ${next} to ${
          gone - 1
        } .* weir offsets reset simulated --to earliest`,
    ),
  );
  scenario.failures.length = 0;
  resetTo(scenario.stores, new Map([[held!.partition, gone]]));
  scenario.start();
  await scenario.allIsWell();
});

for (const running of [true, false]) {
  const when = running ? "while a process runs" : "between two runs";
  Deno.test(`a topic made anew ${when} that has grown beyond the position: it stops, and a reset resolves it`, async () => {
    using scenario = new Scenario();
    const process = scenario.start();
    scenario.things.produce(40, "good");
    await scenario.until("all is read", () => scenario.done === 40);
    if (!running) process.kill();
    const { log, warehouse } = scenario.stores;
    const before = log.topicId(sourceTopic);
    log.recreateTopic(sourceTopic);
    scenario.things.made.length = 0;
    for (const { partition, next } of warehouse.positions(source)) {
      for (let offset = 0; offset < next; offset++) log.appendMarker(sourceTopic, partition);
    }
    scenario.things.produce(40, "good");
    const held = warehouse.positions(source).map(({ next }) => next);
    if (!running) {
      scenario.lose(process);
      scenario.start();
    }
    await scenario.until("it stops", () => scenario.failures.length > 0);
    const now = log.topicId(sourceTopic);
    assert.match(
      scenario.failures[0]!,
      new RegExp(
        `at offset \\d+.*: the topic was deleted and made anew; .* id ${before}, .* id ${now}; .* weir offsets reset`,
      ),
    );
    assert.deepEqual(warehouse.positions(source).map(({ next }) => next), held, "nothing of it was read");
    scenario.failures.length = 0;
    resetTo(scenario.stores, new Map([[0, 0], [1, 0]]));
    scenario.start();
    await scenario.until("all of the new topic is read", () => scenario.done === 40);
    assert.deepEqual(scenario.failures, []);
  });
}

Deno.test("positions that are set while processes run: they go on from there at once", async () => {
  using scenario = new Scenario();
  scenario.start();
  scenario.things.produce(60);
  await scenario.until("all is read", () => scenario.done === 60);
  resetTo(scenario.stores, new Map([[0, 0], [1, 3]]));
  await scenario.allIsWell();
});

Deno.test("the warehouse is put back from a backup: what came since is done again, and topics get nothing twice", async () => {
  for (const running of [true, false]) {
    using scenario = new Scenario();
    const process = scenario.start();
    scenario.things.produce(40);
    await scenario.until("some is read", () => scenario.done > 10);
    const restore = scenario.stores.warehouse.backup();
    const then = scenario.done;
    scenario.things.produce(40);
    await scenario.allIsWell();
    if (!running) {
      process.kill();
      scenario.lose(process);
    }
    restore();
    assert.equal(scenario.done, then);
    if (!running) scenario.start();
    await scenario.allIsWell();
    scenario.things.produce(20);
    await scenario.allIsWell();
  }
});

function owned(process: SimulatedProcess): number {
  return process.status()!.partitions.filter(({ worker }) => worker !== null).length;
}

Deno.test("a fetch that brings no records: the position passes what nobody gets, without waiting for more", async () => {
  using scenario = new Scenario();
  scenario.start();
  scenario.things.produce(20, "good");
  await scenario.allIsWell();
  const { log, warehouse } = scenario.stores;
  for (const partition of [0, 1]) log.appendMarker(sourceTopic, partition);
  await scenario.until(
    "the positions are at the ends",
    () =>
      warehouse.positions(source).every(({ partition, next }) =>
        next === log.topics.get(sourceTopic)![partition]!.length
      ),
  );
});
