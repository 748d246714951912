/**
 * `weir offsets reset` that is killed at each of its steps, or loses a request or an answer there: it has happened as a
 * whole or not at all, for tables and for topics, once a process has started. There is one schedule of each kind for every
 * hundred that `WEIR_SIMULATION_SEEDS` asks for.
 */
import assert from "node:assert/strict";
import { finishResets } from "../../src/runtime/reset_cursors.ts";
import { Seeded } from "../support/seeded.ts";
import { FailingWire, type Failure, failures } from "./failing_wire.ts";
import { violations } from "./invariants.ts";
import { ResetScenario, source } from "./reset_scenario.ts";
import { outTopic, sourceTopic } from "./simulated_pipeline.ts";

const seeds = Math.ceil(Number(Deno.env.get("WEIR_SIMULATION_SEEDS") ?? 100) / 100);
const partitions = [0, 1] as const;

/** Where each partition is to go on. */
type Targets = (reset: ResetScenario, random: Seeded) => ReadonlyMap<number, number>;

const targets: Readonly<Record<string, Targets>> = {
  "back": (reset, random) =>
    new Map(partitions.map((each) => [each, random.integer(0, reset.position(each))])),
  "on": (reset, random) =>
    new Map(partitions.map((each) => [each, random.integer(reset.position(each), reset.end(each))])),
  "one partition back, the other on": (reset) => new Map([[0, reset.end(0)], [1, 0]]),
  "where it is": (reset) => new Map(partitions.map((each) => [each, reset.position(each)])),
};

/** What comes after the command, and before a process does the rest. One step after the other gets the next. */
type Ending = (reset: ResetScenario, random: Seeded) => Promise<void>;

const endings: Readonly<Record<string, Ending>> = {
  "a start": () => Promise.resolve(),
  "a start that is killed, and another": async (reset, random) => {
    const { scenario } = reset;
    const wire = failing(reset, "a process", { what: "killed after it", nth: random.integer(5, 60) }, random);
    scenario.start(wire);
    await scenario.until("it is killed or has done all", () => wire.dead || reset.isDone());
    wire.cut();
    scenario.stores.log.lose(wire);
  },
  "a look at the offsets": async ({ scenario }) => {
    const wire = scenario.wire("offsets show");
    const services = {
      log: scenario.stores.log.connect(wire),
      resets: scenario.stores.warehouse.connect(wire).resets,
    };
    let done = false;
    finishResets(services, source, partitions).then(() => done = true);
    await scenario.until("it is told", () => done);
  },
  "another reset": async (reset, random) => {
    const to = new Map(partitions.map((each) => [each, random.integer(0, reset.end(each))]));
    const { result, settled } = reset.command(to, reset.scenario.wire("another command"), { skip: true });
    await reset.scenario.until("it ends", settled);
    await result;
  },
};

function failing(reset: ResetScenario, name: string, failure: Failure, random: Seeded): FailingWire {
  const { time, trace } = reset.scenario;
  return new FailingWire(name, failure, time, random, (line) => void trace.push(line));
}

/** The positions that were set after so many events, and those that they took the place of. */
function setSince(reset: ResetScenario, events: number) {
  return reset.scenario.stores.warehouse.history.slice(events).filter((event) => event.kind === "set");
}

/** Runs the command with each of its calls failing in turn, until it has no more. */
async function atEachStep(run: (failure: Failure) => Promise<FailingWire>): Promise<string[]> {
  const calls: string[] = [];
  for (const what of failures) {
    for (let nth = 1;; nth++) {
      const wire = await run({ what, nth });
      if (wire.failed === undefined) break;
      calls.push(wire.failed);
      assert.ok(nth < 200);
    }
  }
  return calls;
}

for (const [where, choose] of Object.entries(targets)) {
  Deno.test(`a reset ${where} that fails at any step has happened as a whole or not at all`, async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= seeds; seed++) {
      const calls = await atEachStep(async (failure) => {
        using reset = new ResetScenario(seed);
        const random = new Seeded(seed);
        const { scenario } = reset;
        const [how, end] = Object.entries(endings)[(seed + failure.nth) % Object.keys(endings).length]!;
        const told = () =>
          `seed ${seed}, ${how}, ${JSON.stringify(failure)}:\n${scenario.trace.slice(-30).join("\n")}`;
        await reset.fallBehind();
        const before = partitions.map((each) => reset.cursor(each));
        const events = scenario.stores.warehouse.history.length;
        const wire = failing(reset, "the command", failure, random);
        const { result, settled } = reset.command(choose(reset, random), wire, { skip: true });
        const failed = result.then(() => false, () => true);
        await scenario.until("the command ends", () => settled() || wire.dead);
        const set = setSince(reset, events);
        assert.ok([0, partitions.length].includes(set.length), told());
        // What it tells is true: done is done, and what failed before it was made was not made.
        if (settled() && !await failed) assert.equal(set.length, partitions.length, told());
        outcomes.add(wire.dead ? "killed" : await failed ? "failed" : "done").add(`${set.length} set`);
        await end(reset, random);
        if (how === "a look at the offsets") assertSettled(reset, before, events, told());
        await reset.finish();
        assertWhole(reset, before, events, told());
        return wire;
      });
      for (const call of ["claim", "open", "offsets", "resets make", "publish 0", "resets finish"]) {
        assert.ok(calls.some((each) => each.includes(call)), `${call} is one of ${calls}`);
      }
    }
    assert.deepEqual([...outcomes].sort(), ["0 set", "2 set", "done", "failed", "killed"]);
  });
}

/** The cursors after those resets that were made, one after the other, from those before them. */
function cursorsAfter(reset: ResetScenario, before: readonly number[], events: number): number[] {
  const cursors = [...before];
  for (const { partition, before: position, next } of setSince(reset, events)) {
    cursors[partition] = next > position! ? next : Math.min(cursors[partition]!, next);
  }
  return cursors;
}

function assertSettled(reset: ResetScenario, before: readonly number[], events: number, told: string): void {
  assert.deepEqual(partitions.map((each) => reset.cursor(each)), cursorsAfter(reset, before, events), told);
}

/** Each record is in the tables and in the topic as often as the positions say that were set. No process ran meanwhile. */
function assertWhole(reset: ResetScenario, before: readonly number[], events: number, told: string): void {
  const { scenario } = reset;
  assert.deepEqual(
    [scenario.failures, violations({ stores: scenario.stores, things: scenario.things.made })],
    [[], []],
    told,
  );
  const after = cursorsAfter(reset, before, events);
  for (const each of partitions) {
    const expected = [
      ...reset.made(0, before[each]!, each),
      ...reset.made(after[each]!, reset.end(each), each),
    ];
    assert.deepEqual(reset.published(each), expected.sort((a, b) => a - b), `partition ${each}, ${told}`);
  }
}

Deno.test("a reset back that fails at any step while a process runs", async () => {
  const outcomes = new Set<number>();
  for (let seed = 1; seed <= seeds * 4; seed++) {
    await atEachStep(async (failure) => {
      using reset = new ResetScenario(seed);
      const random = new Seeded(seed);
      const { scenario } = reset;
      const told = () => `seed ${seed}, ${JSON.stringify(failure)}:\n${scenario.trace.slice(-40).join("\n")}`;
      scenario.start();
      scenario.things.produce(40, "good");
      await scenario.until("some are read", () => scenario.done > 20);
      const events = scenario.stores.warehouse.history.length;
      const wire = failing(reset, "the command", failure, random);
      const to = new Map(partitions.map((each) => [each, random.integer(0, reset.position(each))]));
      const { settled } = reset.command(to, wire);
      scenario.things.produce(20, "good");
      await scenario.until("the command ends", () => settled() || wire.dead);
      await scenario.pass(random.integer(0, 3_000));
      scenario.things.produce(20, "good");
      await scenario.until("all is published", () => reset.isDone());
      // A reset that nobody has noticed yet would be by then.
      await scenario.pass(20_000);
      await scenario.until("all is published", () => reset.isDone());
      assert.deepEqual(
        [scenario.failures, violations({ stores: scenario.stores, things: scenario.things.made })],
        [[], []],
        told(),
      );
      const set = setSince(reset, events);
      outcomes.add(set.length);
      for (const each of partitions) {
        const [event, more] = set.filter(({ partition }) => partition === each);
        assert.equal(more, undefined, told());
        const all = reset.made(0, reset.end(each), each);
        // What was published before the reset comes again from there on: no gap, and nothing a third time.
        const published = reset.published(each);
        const again = published.length - all.length;
        const repeated = event ? reset.made(event.next, event.before!, each).slice(0, again) : [];
        assert.deepEqual(
          published,
          [...all, ...repeated].sort((a, b) => a - b),
          `partition ${each}, ${told()}`,
        );
      }
      return wire;
    });
  }
  assert.deepEqual([...outcomes].sort(), [0, 2]);
});

Deno.test("two resets at once come one after the other, whichever of them fails", async () => {
  for (let seed = 1; seed <= seeds * 100; seed++) {
    using reset = new ResetScenario(seed);
    const random = new Seeded(seed);
    const { scenario } = reset;
    await reset.fallBehind();
    const before = partitions.map((each) => reset.cursor(each));
    const events = scenario.stores.warehouse.history.length;
    const commands = ["one", "the other"].map((name) => {
      const wire = failing(reset, name, { what: random.pick(failures), nth: random.integer(5, 40) }, random);
      const to = new Map(partitions.map((each) => [each, random.integer(0, reset.end(each))]));
      const command: { settled?: () => boolean } = {};
      const start = () => command.settled = reset.command(to, wire, { skip: true }).settled;
      scenario.time.after(random.integer(0, 60), start);
      return () => wire.dead || command.settled?.() === true;
    });
    await scenario.until("both end", () => commands.every((ended) => ended()));
    await reset.finish();
    assertWhole(reset, before, events, `seed ${seed}:\n${scenario.trace.slice(-40).join("\n")}`);
  }
});

Deno.test("a reset in a topic made anew that fails at any step", async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    for (const grown of [0, 200]) {
      await atEachStep(async (failure) => {
        using reset = new ResetScenario(seed);
        const random = new Seeded(seed);
        const { scenario } = reset;
        const told = () =>
          `seed ${seed}, ${JSON.stringify(failure)}:\n${scenario.trace.slice(-40).join("\n")}`;
        await reset.fallBehind();
        // Where cursors would stay behind if it were the same topic.
        const to = new Map(partitions.map((each) => [each, grown > 0 ? reset.cursor(each) + 1 : 0]));
        scenario.stores.log.recreateTopic(sourceTopic, { keepCursors: true });
        scenario.things.made.length = 0;
        for (const records of scenario.stores.log.topics.get(outTopic)!) records.length = 0;
        scenario.things.produce(20 + grown, "good");
        const wire = failing(reset, "the command", failure, random);
        const { settled } = reset.command(to, wire, { skip: true });
        await scenario.until("the command ends", () => settled() || wire.dead);
        scenario.start();
        await scenario.until("it runs or stops", () => scenario.failures.length > 0 || reset.isDone());
        if (scenario.failures.length > 0) {
          assert.match(scenario.failures[0]!, /made anew; .* weir offsets reset/, told());
          scenario.failures.length = 0;
          const again = reset.command(to, scenario.wire("another command"), { skip: true });
          await scenario.until("the command ends", again.settled);
          await again.result;
          await reset.finish();
        }
        for (const each of partitions) {
          assert.deepEqual(
            reset.published(each),
            reset.made(to.get(each)!, reset.end(each), each),
            told(),
          );
        }
        return wire;
      });
    }
  }
});

Deno.test("a reset of a group that has never read gives positions to all partitions or to none", async () => {
  const outcomes = new Set<number>();
  await atEachStep(async (failure) => {
    using reset = new ResetScenario();
    const { scenario } = reset;
    scenario.things.produce(40, "good");
    const wire = failing(reset, "the command", failure, new Seeded(1));
    const { settled } = reset.command(new Map([[0, 5], [1, 3]]), wire);
    await scenario.until("the command ends", () => settled() || wire.dead);
    const set = setSince(reset, 0);
    outcomes.add(set.length);
    await reset.finish();
    for (const [each, from] of [[0, 5], [1, 3]] as const) {
      assert.deepEqual(reset.published(each), reset.made(set.length > 0 ? from : 0, reset.end(each), each));
    }
    return wire;
  });
  assert.deepEqual([...outcomes].sort(), [0, 2]);
});

for (const running of [true, false]) {
  const whom = running ? "under a process" : "between two runs";
  Deno.test(`a warehouse put back to before, amid or after a reset, ${whom}: topics lack nothing`, async () => {
    for (const moment of ["before", "amid", "after"] as const) {
      using reset = new ResetScenario();
      const { scenario } = reset;
      const backups: Partial<Record<typeof moment, () => void>> = {};
      await reset.fallBehind();
      const cursor = reset.cursor();
      backups.before = scenario.stores.warehouse.backup();
      const wire = scenario.wire("the command");
      wire.freezeAt(/resets finish/, () => backups.amid = scenario.stores.warehouse.backup());
      const { result, settled } = reset.command(new Map([[0, 5]]), wire);
      await scenario.until("its cursors are set", () => wire.frozen);
      wire.thaw();
      await scenario.until("the command ends", settled);
      await result;
      backups.after = scenario.stores.warehouse.backup();
      const process = scenario.start();
      await scenario.until("all is published", () => reset.isDone());
      if (!running) {
        process.kill();
        scenario.lose(process);
      }
      const end = reset.end();
      backups[moment]!();
      if (!running) scenario.start();
      scenario.things.produce(20, "good");
      await scenario.until("all is published", () => reset.isDone());
      assert.deepEqual(scenario.failures, []);
      // As cursors are not in the warehouse, only what it was still to set is done again.
      const again = moment === "amid" ? reset.made(5, end) : [];
      const expected = [...reset.made(0, cursor), ...again, ...reset.made(5, reset.end())];
      assert.deepEqual(reset.published(), expected.sort((a, b) => a - b), moment);
    }
  });
}
