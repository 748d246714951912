import assert from "node:assert/strict";
import {
  aggregate,
  count,
  type Duration,
  filter,
  json,
  kafka,
  map,
  mapWithState,
  type Pipeline,
  pipeline,
  postgresTable,
  type Sink,
  type StateOptions,
  testPipeline,
  union,
} from "weir";
import { deadLettersOf, linesOf, recordOf } from "../support/plan_run.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { packRecords } from "../../src/packed_records.ts";
import type { Refusal } from "../../src/runtime/protocol.ts";
import { StoredStates } from "../support/stored_states.ts";
import { freshCheckpoint } from "../support/fresh_checkpoint.ts";

const schema = {
  type: "record",
  name: "Visit",
  fields: [{ name: "who", type: "string" }, { name: "n", type: "double" }],
} as const;
interface Visit {
  readonly who: string;
  readonly n: number;
}
const source = kafka("visits", { group: "g", codec: json(schema) });
const lines = <const T extends string>(name: T) =>
  postgresTable(name, { columns: { line: "text" }, key: ["line"] });
const toRow = map((line: string) => ({ line }));

type Options = Partial<StateOptions<Visit, string, number, string>>;

/** Sums `n` for each `who`, and gives `who=sum`. */
function sums(options: Options = {}) {
  return mapWithState<Visit, string, number, string>({
    by: ({ who }) => who,
    initial: () => 0,
    update: (sum, { who, n }) => ({ state: sum + n, emit: [`${who}=${sum + n}`] }),
    ...options,
  });
}

function summing(options: Options = {}): Pipeline {
  return pipeline("p", {
    source,
    outputs: (stream) => [stream.pipe(sums(options), toRow).to(lines("sums"))],
  });
}

/** A partition's worker, batch by batch: what each makes, and what the checkpoint would hold. */
class Worker {
  readonly stored = new StoredStates();
  #executor: PlanExecutor;
  #next = 0;

  constructor(readonly plan: Pipeline, clock?: () => number) {
    this.#executor = new PlanExecutor(plan, undefined, clock);
    this.#executor.assign(freshCheckpoint());
  }

  /** Values with the second in which they happened. */
  process(values: readonly (readonly [value: unknown, second: number])[], refused: readonly Refusal[] = []) {
    const records = values.map(([value, second]) => recordOf(this.#next++, value, second * 1_000));
    const output = this.#executor.process({
      pipeline: "p",
      slices: [{ partition: 0, records: packRecords(records), refused: [...refused] }],
      keyTypes: this.plan.outputs.map(() => null),
    });
    if (output.states) this.stored.apply(output.states);
    return {
      lines: output.outputs.map(linesOf),
      deadLetters: deadLettersOf(output),
      counts: output.slices[0]!.counts,
      states: output.states!.count,
    };
  }

  get states(): Record<string, string> {
    return this.stored.all;
  }
}

const visit = (who: string, n: number, second = 0) => [{ who, n }, second] as const;

Deno.test("a state goes from record to record of its key, and from batch to batch", () => {
  const worker = new Worker(summing());
  assert.deepEqual(worker.process([visit("a", 1), visit("b", 5), visit("a", 2)]).lines, [[
    "a=1",
    "b=5",
    "a=3",
  ]]);
  assert.deepEqual(worker.process([visit("a", 3)]).lines, [["a=6"]]);
  assert.deepEqual(worker.states, { '0 mapWithState "a"': "6", '0 mapWithState "b"': "5" });
});

Deno.test("the checkpoint gets the last change of each key that changed, and no others", () => {
  const worker = new Worker(summing());
  assert.equal(worker.process([visit("a", 1), visit("b", 5), visit("a", 2)]).states, 2);
  assert.equal(worker.process([visit("b", 1)]).states, 1);
  assert.equal(
    worker.process([visit("b", 0), visit("a", 0)]).states,
    0,
    "what stays the same has not changed",
  );
  assert.equal(worker.process([]).states, 0);
});

Deno.test("an undefined state removes the key", () => {
  const worker = new Worker(summing({
    update: (sum, { who, n }) => ({ state: n < 0 ? undefined : sum + n, emit: [`${who}=${sum}`] }),
  }));
  const { lines, states } = worker.process([visit("a", 1), visit("a", -1), visit("a", 4), visit("b", -1)]);
  assert.deepEqual(lines, [["a=0", "a=1", "a=0", "b=0"]]);
  assert.equal(states, 1, "b never had one");
  assert.equal(worker.process([visit("a", -1)]).states, 1);
  assert.deepEqual(worker.states, {});
});

Deno.test("keys of different types, and lists of them, are different keys", () => {
  const keys: unknown[] = [];
  const plan = pipeline("p", {
    source: kafka("t", { group: "g", codec: json({ type: "string" }) }),
    outputs: (stream) => [
      stream.pipe(
        mapWithState({
          by: (text) => JSON.parse(text) as string | number | boolean | string[],
          initial: (key) => {
            keys.push(key);
            return 0;
          },
          update: (n, line) => ({ state: n + 1, emit: [{ line }] }),
        }),
      ).to(lines("a")),
    ],
  });
  const worker = new Worker(plan);
  const given = ["1", '"1"', "true", '["1","2"]', '"\\u0000\\ud800"', "1"];
  assert.equal(worker.process(given.map((key) => [JSON.stringify(key), 0])).counts.out, 6);
  assert.deepEqual(keys, [1, "1", true, ["1", "2"], "\0\ud800"]);
  assert.deepEqual(Object.keys(worker.states).length, 5);
  const bad = worker.process(
    [["null"], ["{}"], ["[null]"], [JSON.stringify("x".repeat(1_000))]].map(([key]) => [
      JSON.stringify(key),
      0,
    ]),
  );
  assert.deepEqual(bad.deadLetters.map(({ error }) => error), [
    "the key is null; it must be text, a finite number, or true or false",
    "the key is a Object; it must be text, a finite number, or true or false",
    "the key is null; it must be text, a finite number, or true or false",
    "the key has 1002 bytes; it may have 1000",
  ]);
});

Deno.test("what JSON cannot hold, and a state that is too large, is a dead letter and changes nothing", () => {
  const bad: unknown[] = [
    NaN,
    { of: [1, Infinity] },
    () => 0,
    { at: new Date(0) },
    10n,
    [undefined],
    new Map(),
    "é".repeat(40_000),
    Symbol("s"),
  ];
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(
        mapWithState({
          name: "last",
          by: ({ who }) => who,
          initial: (): unknown => null,
          update: (_, { n }) => ({ state: n < 0 ? n : bad[n], emit: [{ line: "" }] }),
        }),
      ).to(lines("a")),
    ],
  });
  const worker = new Worker(plan);
  worker.process([visit("a", -7)]);
  const { deadLetters, lines: given, states } = worker.process(bad.map((_, i) => visit("a", i)));
  assert.deepEqual(given, [[]]);
  assert.equal(states, 0);
  assert.deepEqual(worker.states, { '0 last "a"': "-7" });
  assert.ok(deadLetters.every(({ stage }) => stage === "mapWithState(last)"));
  const what = (wrong: string) => `the state${wrong} cannot be kept: it must be what JSON can hold`;
  assert.deepEqual(deadLetters.map(({ error }) => error), [
    what(" (NaN)"),
    what(".of[1] (Infinity)"),
    what(" (a function)"),
    what(".at (a Date)"),
    what(" (10n)"),
    what("[0] (undefined)"),
    what(" (a Map)"),
    "the state has 80002 bytes; it may have 65536",
    what(" (Symbol(s))"),
  ]);
});

Deno.test("a state that holds itself, or that an update forgets to give, is a dead letter", () => {
  const round: Record<string, unknown> = {};
  round.round = round;
  const giving = (update: () => unknown) =>
    new Worker(pipeline("p", {
      source,
      outputs: (stream) => [
        stream.pipe(mapWithState({ by: () => 1, initial: () => 0, update: update as never }), toRow).to(
          lines("a"),
        ),
      ],
    })).process([visit("a", 1)]).deadLetters[0]!.error;
  assert.match(giving(() => ({ state: round })), /nested more than 100 deep, or in itself/);
  assert.match(giving(() => 5), /update must give the new state/);
  assert.match(giving(() => ({ emit: [] })), /update must give the new state/);
});

Deno.test("a record that fails later on has changed no state, of no operator and no key", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const first = stream.pipe(sums({ name: "first" }));
      const second = first.pipe(
        mapWithState({
          name: "second",
          by: () => "all",
          initial: () => 0,
          update: (n) => ({ state: n + 1, emit: [n] }),
        }),
        map(function check(n) {
          if (n === 1) throw new Error("no second record");
          return { line: `${n}` };
        }),
      );
      return [first.pipe(toRow).to(lines("a")), second.to(lines("b"))];
    },
  });
  const worker = new Worker(plan);
  const { lines: given, deadLetters } = worker.process([visit("a", 1), visit("a", 10), visit("b", 10)]);
  assert.deepEqual(given, [["a=1"], ["0"]]);
  assert.deepEqual(deadLetters, Array(2).fill({ stage: "map(check)", error: "no second record" }));
  assert.deepEqual(worker.states, { '0 first "a"': "1", '0 second "all"': "1" });
});

Deno.test("an update may change the state that it was given; a failed record's change is forgotten", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(mapWithState({
        by: ({ who }) => who,
        initial: () => ({ seen: [] as number[] }),
        update: (state, { n }) => {
          state.seen.push(n);
          if (n === 2) throw new Error("not 2");
          return { state, emit: [{ line: state.seen.join() }] };
        },
      })).to(lines("a")),
    ],
  });
  assert.deepEqual(new Worker(plan).process([visit("a", 1), visit("a", 2), visit("a", 3)]).lines, [[
    "1",
    "1,3",
  ]]);
});

const minute = {
  timeout: "60s" as Duration,
  timedOut: (sum: number, key: string) => [`${key} ended at ${sum}`],
};

Deno.test("a key times out when the partition's event time has moved on, the longest unused first", () => {
  const worker = new Worker(summing(minute));
  const first = worker.process([visit("b", 1, 0), visit("a", 1, 10), visit("b", 1, 20), visit("c", 1, 20)]);
  assert.equal(first.lines[0]!.length, 4);
  assert.deepEqual(worker.process([visit("d", 1, 69)]).lines, [["d=1"]]);
  assert.deepEqual(
    worker.process([visit("d", 1, 70)]).lines,
    [["a ended at 1", "d=2"]],
    "at the end of its time",
  );
  assert.deepEqual(worker.process([visit("e", 1, 200)]).lines, [[
    "b ended at 2",
    "c ended at 1",
    "d ended at 2",
    "e=1",
  ]]);
  assert.deepEqual(worker.states, { '0 mapWithState "e"': "1" });
});

Deno.test("a late record counts as used now, and a key's own record finds it timed out", () => {
  const worker = new Worker(summing(minute));
  worker.process([visit("a", 1, 100), visit("b", 1, 10)]);
  assert.deepEqual(worker.process([visit("c", 1, 159)]).lines, [["c=1"]]);
  assert.deepEqual(worker.process([visit("b", 5, 160)]).lines, [["a ended at 1", "b ended at 1", "b=5"]]);
});

Deno.test("what a first record far ahead of the clock leaves is kept from when the partition has a time", () => {
  const clock = () => 1_000_000;
  const worker = new Worker(summing(minute), clock);
  const ahead = worker.process([visit("a", 1, 1e6), visit("b", 1, 1e6), visit("a", 1, 1e6)]);
  assert.deepEqual([ahead.lines, ahead.counts.ahead], [[["a=1", "b=1", "a=2"]], 3]);
  assert.deepEqual(worker.process([visit("a", 1, 900), visit("c", 1, 959)]).lines, [["a=3", "c=1"]]);
  assert.deepEqual(worker.process([visit("c", 1, 960)]).lines, [["b ended at 1", "a ended at 3", "c=2"]]);

  const refusing = new Worker(summing(minute), clock);
  refusing.process([visit("a", 1, 1e6)]);
  const refused = [1, 2].map((offset): Refusal => ({ offset, stage: "write sums", reason: "no" }));
  const rest = [visit("b", 1, 900), visit("b", 1, 900), visit("a", 1, 900)];
  assert.deepEqual(refusing.process(rest, refused).lines, [["a=2"]]);
});

Deno.test("without timedOut, a state goes without a word", () => {
  const worker = new Worker(summing({ timeout: "60s" }));
  worker.process([visit("a", 1, 0)]);
  assert.deepEqual(worker.process([visit("a", 1, 60)]).lines, [["a=1"]]);
});

Deno.test("a record that fails has moved no time: the next good one times out", () => {
  const worker = new Worker(summing({
    ...minute,
    update: (sum, { who, n }) => {
      if (n < 0) throw new Error("below 0");
      return { state: sum + n, emit: [`${who}=${sum + n}`] };
    },
  }));
  worker.process([visit("a", 1, 0)]);
  const { lines, deadLetters } = worker.process([visit("b", -1, 100), visit("b", 1, 30), visit("b", 1, 60)]);
  assert.deepEqual(lines, [["b=1", "a ended at 1", "b=2"]]);
  assert.deepEqual(deadLetters, [{ stage: "mapWithState", error: "below 0" }]);
});

Deno.test("a state whose timing out fails costs one record, and is gone", () => {
  const worker = new Worker(summing({
    timeout: "60s",
    timedOut: (sum, key) => {
      if (key === "bad") throw new Error("cannot end");
      return [`${key} ended at ${sum}`];
    },
  }));
  worker.process([visit("a", 1, 0), visit("bad", 1, 1), visit("c", 1, 2)]);
  const { lines, deadLetters } = worker.process([visit("d", 1, 100), visit("d", 1, 100), visit("d", 1, 100)]);
  assert.deepEqual(deadLetters, [{ stage: "mapWithState", error: "cannot end" }]);
  assert.deepEqual(lines, [["a ended at 1", "c ended at 1", "d=1", "d=2"]]);
  assert.deepEqual(worker.states, { '0 mapWithState "d"': "2" });
});

Deno.test("of two records in a row that a sink refuses, the second takes along what it timed out", () => {
  const worker = new Worker(summing(minute));
  worker.process([visit("a", 1, 0)]);
  const refusal = (offset: number): Refusal => ({ offset, stage: "write sums", reason: "no" });
  const { lines, deadLetters } = worker.process(
    [visit("b", 1, 100), visit("b", 1, 100), visit("b", 1, 100)],
    [refusal(1), refusal(2)],
  );
  assert.deepEqual(lines, [["b=1"]]);
  assert.equal(deadLetters.length, 2);
  assert.deepEqual(worker.states, { '0 mapWithState "b"': "1" });
});

Deno.test("a record times out no more than a thousand keys; the next one goes on", () => {
  const worker = new Worker(summing(minute));
  worker.process(Array.from({ length: 2_500 }, (_, i) => visit(`k${i}`, 1, 0)));
  const [given] = worker.process([visit("z", 1, 100), visit("k2499", 7, 100)]).lines;
  assert.equal(given!.length, 1_001 + 1_002);
  assert.deepEqual(given!.slice(-3), ["k1999 ended at 1", "k2499 ended at 1", "k2499=7"]);
  assert.deepEqual(Object.keys(worker.states).length, 2_500 - 2_000 - 1 + 2);
});

Deno.test("what comes after a union of branches is one operator with one state", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const big = stream.pipe(filter(({ n }) => n > 10));
      return [stream.pipe(union(big), sums(), toRow).to(lines("a"))];
    },
  });
  assert.deepEqual(new Worker(plan).process([visit("a", 1), visit("a", 11)]).lines, [[
    "a=1",
    "a=12",
    "a=23",
  ]]);
});

Deno.test("an aggregate may follow", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(sums(), aggregate({ by: (line) => ({ line }), compute: { n: count() } })).to(
        postgresTable("a"),
      ),
    ],
  });
  assert.deepEqual(new Worker(plan).process([visit("a", 0), visit("a", 0)]).lines, [["a=0\t2"]]);
});

Deno.test("what cannot be is refused when the pipeline is made", () => {
  assert.throws(() => sums({ timeout: "-1m" as Duration }), /is not a duration/);
  for (const name of ["", "a b", "x".repeat(101)]) {
    assert.throws(() => sums({ name }), /the name ".*" must be up to 100/);
  }
  const problems = (sinks: readonly Sink<never>[]) => () =>
    pipeline("p", {
      source,
      outputs: (stream) => sinks.map((sink) => stream.pipe(sums(), toRow).to(sink as Sink<{ line: string }>)),
    });
  assert.throws(problems([lines("a"), lines("b")] as Sink<never>[]), {
    message: 'pipeline "p": two operators keep states as "mapWithState"; give each a "name" of its own',
  });
});

Deno.test("update is told the partition's event time, which no wrong clock moves", async () => {
  const plan = pipeline("p", {
    source,
    outputs: (visits) => [
      visits.pipe(mapWithState({
        by: ({ who }) => who,
        initial: () => null,
        update: (_, { n }, { eventTime }, partitionTime) => ({
          state: null,
          emit: [{ line: `${n} ${eventTime} ${partitionTime}` }],
        }),
      })).to(lines("times")),
    ],
  });
  const test = await testPipeline(plan, { now: 1_000_000 });
  const times = [9_000_000, 5_000, 3_000, 9_000_000, 7_000, -1];
  await test.send(...times.map((timestamp, n) => ({ value: { who: "a", n }, timestamp })));
  await test.restart();
  await test.send({ value: { who: "b", n: 6 }, timestamp: 1 });
  assert.deepEqual(test.rows("times").map(({ line }) => line), [
    "0 9000000 -1",
    "1 5000 5000",
    "2 3000 5000",
    "3 9000000 5000",
    "4 7000 7000",
    "5 -1 7000",
    "6 1 7000",
  ]);
});

Deno.test("a value that an update says is late is counted, and kept where the source says so", async () => {
  for (const late of ["count", "dead-letter"] as const) {
    const plan = pipeline("p", {
      source: kafka("visits", { group: "g", codec: json(schema), late }),
      outputs: (visits) => [
        visits.pipe(mapWithState({
          by: ({ who }) => who,
          initial: () => 0,
          update: (last, { n }) =>
            n < last ? { state: last, late: true } : { state: n, emit: [{ line: `${n}` }] },
        })).to(lines("rising")),
      ],
    });
    const test = await testPipeline(plan);
    await test.send(...[1, 3, 2, 4].map((n) => ({ value: { who: "a", n }, timestamp: n * 1_000 })));
    assert.deepEqual(test.rows("rising").map(({ line }) => line), ["1", "3", "4"]);
    assert.deepEqual(test.late.map(({ offset }) => offset), [2]);
    const lost = late === "dead-letter" ? 1 : 0;
    assert.deepEqual(test.counts, {
      in: 4,
      out: 3,
      filtered: 1 - lost,
      deadLettered: lost,
      late: 1,
      ahead: 0,
    });
    assert.deepEqual(
      test.deadLetters.map(({ offset, stage, reason }) => [offset, stage, reason]),
      [
        [
          2,
          "mapWithState",
          "late: its event time 1970-01-01T00:00:02.000Z is so far behind that what it belongs to may be gone",
        ],
      ].slice(0, lost),
    );
  }
});
