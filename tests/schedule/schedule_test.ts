import assert from "node:assert/strict";
import { ConfigError } from "../../src/errors.ts";
import { kafka, pipeline, postgresTable, text } from "../../src/mod.ts";
import type { Pipeline, Schedule } from "../../src/mod.ts";
import { map } from "../../src/operators/map.ts";
import type { Producer } from "../../src/producers/mod.ts";
import {
  type RunningSchedule,
  type ScheduleOptions,
  scheduleProblem,
  startSchedule,
} from "../../src/schedule/schedule.ts";
import { RecordingLog, RunLedger } from "../support/in_memory.ts";

function lines(produce: Producer<string>, schedule: Partial<Schedule<string>> = {}): Pipeline {
  return pipeline("lines", {
    schedule: { cron: "*/5 * * * *", produce, ...schedule },
    source: kafka("lines", { group: "weir-lines", codec: text() }),
    outputs: (stream) => [
      stream.pipe(map((line) => ({ line }))).to(
        postgresTable("lines", { columns: { line: "text" }, key: ["line"] }),
      ),
    ],
  });
}

/** A scheduler whose clock and ticks are held by the test. */
class Held {
  readonly log = new RecordingLog();
  readonly reports: string[] = [];
  readonly registered: { name: string; cron: string; signal: AbortSignal }[] = [];
  readonly ledger: RunLedger;
  readonly schedule: RunningSchedule;
  clock = Date.parse("2025-06-15T12:00:20.500Z");
  #tick: () => void = () => {};

  constructor(pipeline: Pipeline, options: Partial<ScheduleOptions> = {}, ledger = new RunLedger()) {
    this.ledger = ledger;
    this.schedule = startSchedule({
      pipeline,
      log: this.log,
      warehouse: ledger,
      env: () => undefined,
      report: (line) => this.reports.push(line),
      now: () => this.clock,
      cron: (name, cron, { signal }, handler) => {
        this.registered.push({ name, cron, signal });
        this.#tick = handler;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      ...options,
    });
  }

  tickAt(time: string): void {
    this.clock = Date.parse(time);
    this.#tick();
  }

  /** Waits until the ledger was asked for so many runs, and none is under way. */
  async idleAfter(runs: number): Promise<void> {
    await until(() => this.ledger.asked >= runs && this.schedule.status().state === "waiting");
  }

  get lines(): string[] {
    return this.log.records.map((record) => new TextDecoder().decode(record.value!));
  }
}

/** Lets everything go on that can, until the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  const patience = AbortSignal.timeout(30_000);
  do {
    patience.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve));
  } while (!condition());
}

const oneLine: Producer<string> = async function* (run) {
  yield { key: "k", value: run.scheduledAt.toISOString() };
};

/** A producer that says when it runs and goes on when told. */
function gated() {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const produce: Producer<string> = async function* () {
    started.resolve();
    await gate.promise;
    yield { key: null, value: "done" };
  };
  return { produce, started: started.promise, open: gate.resolve, fail: gate.reject };
}

Deno.test("the first run comes at start, the others at their minutes", async () => {
  const held = new Held(lines(oneLine));
  assert.deepEqual(held.registered.map(({ name, cron }) => ({ name, cron })), [{
    name: "lines",
    cron: "*/5 * * * *",
  }]);
  await held.idleAfter(1);
  held.tickAt("2025-06-15T12:05:00.004Z");
  await held.idleAfter(2);
  held.tickAt("2025-06-15T12:09:59.996Z");
  await held.idleAfter(3);
  assert.deepEqual(held.lines, [
    "2025-06-15T12:00:20.500Z",
    "2025-06-15T12:05:00.000Z",
    "2025-06-15T12:10:00.000Z",
  ]);
  assert.deepEqual(held.schedule.status(), {
    pipeline: "lines",
    cron: "*/5 * * * *",
    state: "waiting",
    runs: 3,
    failures: 0,
    skipped: 0,
    lastSuccessAt: "2025-06-15T12:09:59.996Z",
    lastRun: {
      scheduledAt: "2025-06-15T12:10:00.000Z",
      startedAt: "2025-06-15T12:09:59.996Z",
      finishedAt: "2025-06-15T12:09:59.996Z",
      records: 1,
    },
  });
  assert.deepEqual(held.reports, []);
  await held.schedule.stop();
});

Deno.test("no run comes at start when the schedule says so", async () => {
  const held = new Held(lines(oneLine, { atStart: false }));
  assert.deepEqual(held.schedule.status().lastRun, null);
  held.tickAt("2025-06-15T12:05:00Z");
  await held.idleAfter(1);
  assert.deepEqual(held.lines, ["2025-06-15T12:05:00.000Z"]);
  await held.schedule.stop();
});

Deno.test("of two processes one takes each tick's run", async () => {
  const ledger = new RunLedger();
  const first = new Held(lines(oneLine, { atStart: false }), {}, ledger);
  const second = new Held(lines(oneLine, { atStart: false }), {}, ledger);
  first.tickAt("2025-06-15T12:05:00.001Z");
  second.tickAt("2025-06-15T12:05:00.300Z");
  await first.idleAfter(2);
  second.tickAt("2025-06-15T12:10:00.001Z");
  first.tickAt("2025-06-15T12:10:00.900Z");
  await second.idleAfter(4);
  assert.deepEqual([first.lines, second.lines], [["2025-06-15T12:05:00.000Z"], ["2025-06-15T12:10:00.000Z"]]);
  assert.deepEqual([first.schedule.status().runs, second.schedule.status().runs], [1, 1]);
  assert.equal(second.schedule.status().skipped, 0);
  await Promise.all([first.schedule.stop(), second.schedule.stop()]);
});

Deno.test("a tick that comes while a run is under way is skipped, counted and reported", async () => {
  const { produce, started, open } = gated();
  const held = new Held(lines(produce));
  await started;
  assert.equal(held.schedule.status().state, "running");
  assert.equal(held.schedule.status().lastRun!.finishedAt, null);
  held.tickAt("2025-06-15T12:05:00Z");
  held.tickAt("2025-06-15T12:10:00Z");
  assert.equal(held.schedule.status().skipped, 2);
  assert.equal(held.ledger.asked, 1, "a skipped run is left to other processes");
  assert.deepEqual(held.reports.length, 2);
  assert.match(held.reports[0]!, /^lines: skipped the run of 2025-06-15T12:05:00.000Z, since the one before/);
  open();
  await held.idleAfter(1);
  assert.deepEqual(held.lines, ["done"]);
  await held.schedule.stop();
});

Deno.test("values are written in chunks of at most 500, with their own time or now", async () => {
  const held = new Held(lines(async function* () {
    for (let i = 0; i < 1_201; i++) yield { key: null, value: `${i}`, ...(i === 1 && { timestamp: 42 }) };
  }));
  await held.idleAfter(1);
  assert.deepEqual(held.log.writes.map((write) => [write.topic, write.records.length]), [
    ["lines", 500],
    ["lines", 500],
    ["lines", 201],
  ]);
  assert.deepEqual(held.lines, Array.from({ length: 1_201 }, (_, i) => `${i}`));
  assert.deepEqual(held.log.records.slice(0, 2).map((record) => record.timestamp), [held.clock, 42]);
  assert.equal(held.schedule.status().lastRun!.records, 1_201);
  await held.schedule.stop();
});

Deno.test("large values are written before they add up", async () => {
  const held = new Held(lines(async function* () {
    for (let i = 0; i < 5; i++) yield { key: null, value: "x".repeat(300_000) };
  }));
  await held.idleAfter(1);
  assert.deepEqual(held.log.writes.map((write) => write.records.length), [2, 2, 1]);
  await held.schedule.stop();
});

Deno.test("keys are text, or null", async () => {
  const held = new Held(lines(async function* () {
    yield { key: "é", value: "a" };
    yield { key: null, value: "b" };
    yield { key: "", value: "c" };
  }));
  await held.idleAfter(1);
  assert.deepEqual(held.log.records.map((record) => record.key), [
    new Uint8Array([0xc3, 0xa9]),
    null,
    new Uint8Array(),
  ]);
  await held.schedule.stop();
});

Deno.test("a time may be a Date, and a key may be left out", async () => {
  const produce = async function* () {
    yield { value: "a", timestamp: new Date(42) };
    yield { key: undefined, value: "b", timestamp: 43.5 };
  };
  const held = new Held(lines(produce as unknown as Producer<string>));
  await held.idleAfter(1);
  assert.deepEqual(held.log.records.map(({ key, timestamp }) => [key, timestamp]), [[null, 42], [null, 43]]);
  await held.schedule.stop();
});

Deno.test("what is no producer, or gives no records, fails its run with what to give", async () => {
  const cases: [unknown, RegExp][] = [
    [
      () => oneLine,
      /^the producer gave function; give an async generator, as async function\* \(run\) \{ \.\.\. \}/,
    ],
    [async () => await [{ key: "a", value: "b" }], /^the producer gave a Promise; give an async generator/],
    [
      () => [{ key: "a", value: "b" }],
      /^the producer gave \[\{"key":"a","value":"b"\}\]; give an async generator/,
    ],
    [async function* () {
      yield "a";
    }, /^the producer gave "a" for a record; give \{ key, value \}/],
    [async function* () {
      yield { key: "a", value: "b", timestamp: "12:00" };
    }, /key "a" has the timestamp "12:00"; give a Date, or milliseconds since 1970/],
    [async function* () {
      yield { key: "a", value: "b", timestamp: new Date(NaN) };
    }, /key "a" has the timestamp Invalid Date; give a Date/],
  ];
  for (const [produce, expected] of cases) {
    const held = new Held(lines(produce as Producer<string>));
    await held.idleAfter(1);
    assert.match(held.schedule.status().lastRun!.error ?? "", expected);
    assert.deepEqual(held.lines, []);
    await held.schedule.stop();
  }
});

Deno.test("a producer that throws fails its run with the root cause; what came before stays, and the next tick runs", async () => {
  let broken = true;
  const held = new Held(lines(async function* () {
    yield { key: null, value: "before" };
    if (broken) throw new Error("the API is down", { cause: new Error("connection refused") });
  }));
  await held.idleAfter(1);
  const status = held.schedule.status();
  assert.deepEqual([status.runs, status.failures, status.lastSuccessAt], [1, 1, undefined]);
  assert.equal(status.lastRun!.error, "the API is down: connection refused");
  assert.equal(status.lastRun!.records, 1);
  assert.deepEqual(held.reports, [
    "lines: the run of 2025-06-15T12:00:20.500Z failed after 1 records: the API is down: connection refused",
  ]);
  broken = false;
  held.tickAt("2025-06-15T12:05:00Z");
  await held.idleAfter(2);
  assert.deepEqual(held.lines, ["before", "before"]);
  assert.equal(held.schedule.status().lastRun!.error, undefined);
  assert.equal(held.schedule.status().failures, 1);
  await held.schedule.stop();
});

Deno.test("whatever fails in a run is shown as its error", async (t) => {
  const failing = (message: string) => () => Promise.reject(new Error(message));
  await t.step("the log", async () => {
    const held = new Held(lines(oneLine));
    held.log.before = failing("no leader");
    await held.idleAfter(1);
    assert.equal(held.schedule.status().lastRun!.error, "no leader");
    assert.equal(held.schedule.status().lastRun!.records, 0);
    await held.schedule.stop();
  });
  await t.step("the warehouse", async () => {
    const held = new Held(lines(oneLine), { warehouse: { takeRun: failing("no warehouse") } });
    await until(() => held.reports.length > 0);
    assert.equal(held.schedule.status().lastRun!.error, "no warehouse");
    assert.deepEqual([held.schedule.status().runs, held.schedule.status().failures], [1, 1]);
    await held.schedule.stop();
  });
  await t.step("a producer that throws before its first value", async () => {
    const held = new Held(lines(() => {
      throw new Error("no such file");
    }));
    await held.idleAfter(1);
    assert.equal(held.schedule.status().lastRun!.error, "no such file");
    await held.schedule.stop();
  });
  await t.step("the codec", async () => {
    const held = new Held(lines(async function* () {
      yield { key: "a", value: "good" };
      yield { key: "b", value: "\ud800" };
    }));
    await held.idleAfter(1);
    assert.match(
      held.schedule.status().lastRun!.error!,
      /the producer's value with key "b" does not fit topic "lines": half a surrogate pair/,
    );
    assert.deepEqual(held.lines, ["good"]);
    await held.schedule.stop();
  });
});

Deno.test("stop ends a run that waits, and one whose producer does not listen", async (t) => {
  await t.step("a producer that sleeps", async () => {
    const sleeping = Promise.withResolvers<void>();
    const held = new Held(lines(async function* (run) {
      yield { key: null, value: "written?" };
      sleeping.resolve();
      await run.sleep(3_600_000);
    }));
    await sleeping.promise;
    await held.schedule.stop();
    const status = held.schedule.status();
    assert.deepEqual([status.state, status.failures, held.reports], ["waiting", 0, []]);
    assert.equal(status.lastRun!.error, "the process stops");
    assert.ok(held.registered[0]!.signal.aborted);
  });
  await t.step("a producer that hangs", async () => {
    const { produce, started } = gated();
    const held = new Held(lines(produce));
    await started;
    await held.schedule.stop();
    assert.equal(held.schedule.status().lastRun!.error, "the process stops");
  });
  await t.step("a warehouse that hangs", async () => {
    const held = new Held(lines(oneLine), { warehouse: { takeRun: () => new Promise(() => {}) } });
    await held.schedule.stop();
    assert.deepEqual(held.lines, []);
  });
});

Deno.test("stop waits for a write that is under way", async () => {
  const held = new Held(lines(oneLine, { atStart: false }));
  const writing = Promise.withResolvers<void>();
  const durable = Promise.withResolvers<void>();
  held.log.before = () => (writing.resolve(), durable.promise);
  held.tickAt("2025-06-15T12:05:00Z");
  await writing.promise;
  let stopped = false;
  const stopping = held.schedule.stop().then(() => stopped = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(stopped, false);
  durable.resolve();
  await stopping;
  assert.equal(held.schedule.status().lastRun!.records, 1);
});

Deno.test("nothing runs after the signal has aborted", async () => {
  const stopping = new AbortController();
  const held = new Held(lines(oneLine), { signal: stopping.signal });
  await held.idleAfter(1);
  stopping.abort();
  held.tickAt("2025-06-15T12:05:00Z");
  assert.equal(held.ledger.asked, 1);
  await held.schedule.stop();

  const late = new Held(lines(oneLine), { signal: AbortSignal.abort() });
  assert.deepEqual([late.registered, late.ledger.asked], [[], 0]);
  await late.schedule.stop();
});

Deno.test("a producer is given what the schedule was given", async () => {
  const held = new Held(
    lines(async function* (run) {
      yield { key: null, value: `${run.env("WHO")} ${await (await run.fetch("http://weir.test/")).text()}` };
    }),
    { env: (name) => `${name}!`, fetch: (input) => Promise.resolve(new Response(`from ${input}`)) },
  );
  await held.idleAfter(1);
  assert.deepEqual(held.lines, ["WHO! from http://weir.test/"]);
  await held.schedule.stop();
});

Deno.test("cron text that cannot be right is refused with the pipeline, the text and one that would do", () => {
  const expected =
    /^pipeline "lines": cron "0 0 31 2 \*" cannot be right: none of its months has that day; .* as in "\*\/5 \* \* \* \*"$/;
  const plan = lines(oneLine, { cron: "0 0 31 2 *" });
  assert.throws(
    () => new Held(plan),
    (error) => error instanceof ConfigError && expected.test(error.message),
  );
  assert.match(scheduleProblem(plan)!, expected);
  assert.equal(scheduleProblem(lines(oneLine)), undefined);
  assert.match(
    scheduleProblem(lines(oneLine, { cron: undefined } as unknown as Partial<Schedule<string>>))!,
    /^pipeline "lines": cron undefined cannot be right: it is no text; give minute/,
  );
  assert.match(
    scheduleProblem(lines([] as unknown as Producer<string>))!,
    /^pipeline "lines": "produce" of its schedule is \[\]; give a producer/,
  );
  const refusing = {
    cron: () => {
      throw new TypeError("Too many crons");
    },
  };
  assert.throws(() => new Held(lines(oneLine), refusing), /pipeline "lines": cron .*: Too many crons/);
});

Deno.test("a pipeline without a schedule cannot be started by one", () => {
  const { schedule: _, ...plan } = lines(oneLine);
  assert.throws(() => new Held(plan), /pipeline "lines" has no schedule to start/);
});

Deno.test("Deno's own cron takes the registration, and lets go of it", async () => {
  const plan = lines(oneLine, { atStart: false });
  const options = {
    pipeline: plan,
    log: new RecordingLog(),
    warehouse: new RunLedger(),
    env: () => undefined,
    report: () => {},
  };
  const schedule = startSchedule(options);
  assert.throws(() => startSchedule(options), /already exists/, "the name is taken while it is registered");
  await schedule.stop();
  await startSchedule(options).stop();
});
