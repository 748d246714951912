/** What operators are given that cannot be right: an error where they are made, which says what to give. */
import assert from "node:assert/strict";
import * as weir from "weir";

// As a program without types calls it.
// deno-lint-ignore no-explicit-any -- what is tried is what types forbid
const api = weir as any;

const fn = () => 0;
const stream = { pipe: fn };
const sites = weir.referenceTable("sites", { columns: { site: "text" }, key: "site", from: [] });
const state = { by: fn, initial: fn, update: fn };
const average = { by: fn, of: fn, size: 2 };
const near = { by: fn, otherBy: fn, within: "1m", with: fn };
const own = { init: fn, add: fn, merge: fn, result: fn };
const groups = { by: fn, compute: { n: weir.count() } };
const listed = { by: fn, value: fn };
const reduced = { by: fn, value: fn, reduce: fn };
const recent = { ...reduced, window: weir.tumbling("1m") };
const joined = { on: fn, with: fn };
const passed = { key: fn, codec: weir.text() };

/** How each is made of one function, or of options: with all that they need, and those of them that are functions. */
const makers: Record<string, {
  readonly make: (given: unknown) => unknown;
  readonly options?: Record<string, unknown>;
  readonly functions?: readonly string[];
}> = {
  "map()": { make: (given) => api.map(given) },
  "filter()": { make: (given) => api.filter(given) },
  "flatMap()": { make: (given) => api.flatMap(given) },
  "validate()": { make: (given) => api.validate(given) },
  "sum()": { make: (given) => api.sum(given) },
  "min()": { make: (given) => api.min(given) },
  "max()": { make: (given) => api.max(given) },
  "avg()": { make: (given) => api.avg(given) },
  "stddev()": { make: (given) => api.stddev(given) },
  "approxDistinct()": { make: (given) => api.approxDistinct(given) },
  'first("text")': { make: (given) => api.first("text", given) },
  'last("text")': { make: (given) => api.last("text", given) },
  "aggregate()": { make: (given) => api.aggregate(given), options: groups, functions: ["by"] },
  "countByValue()": { make: (given) => api.countByValue(given), options: {} },
  "groupByKey()": { make: (given) => api.groupByKey(given), options: listed, functions: ["by", "value"] },
  "reduceByKey()": {
    make: (given) => api.reduceByKey(given),
    options: reduced,
    functions: ["by", "value", "reduce"],
  },
  "reduceByKeyAndWindow()": {
    make: (given) => api.reduceByKeyAndWindow(given),
    options: recent,
    functions: ["by", "value", "reduce"],
  },
  "custom()": {
    make: (given) => api.custom(given),
    options: own,
    functions: ["init", "add", "merge", "result"],
  },
  "mapWithState()": {
    make: (given) => api.mapWithState(given),
    options: { ...state, timedOut: fn },
    functions: ["by", "initial", "update", "timedOut"],
  },
  "movingAverage()": { make: (given) => api.movingAverage(given), options: average, functions: ["by", "of"] },
  "join(sites)": { make: (given) => api.join(sites, given), options: joined, functions: ["on", "with"] },
  "joinWithin()": {
    make: (given) => api.joinWithin(stream, given),
    options: near,
    functions: ["by", "otherBy", "with"],
  },
  'repartition("a")': { make: (given) => api.repartition("a", given), options: passed, functions: ["key"] },
  'topic("a")': { make: (given) => api.topic("a", given), options: passed, functions: ["key"] },
};

function refuses(make: () => unknown, start: string): void {
  assert.throws(make, (error) => {
    assert.ok(error instanceof TypeError, `${error}`);
    assert.ok(error.message.startsWith(start), `${error.message}\nshould start with\n${start}`);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

for (const [what, { make, options, functions = [] }] of Object.entries(makers)) {
  Deno.test(`${what} takes functions that give their results at once, and no others`, () => {
    const cases: [name: string, given: (value: unknown) => unknown][] = options
      ? functions.map((name) => [name, (value) => ({ ...options, [name]: value })])
      : [[/^(map|filter|flatMap|validate)/.test(what) ? "fn" : "of", (value) => value]];
    for (const [name, given] of cases) {
      make(given(fn));
      refuses(() => make(given("k")), `${what}: "${name}" is "k"; give a function, as in (`);
      refuses(() => make(given(null)), `${what}: "${name}" is null; give a function, as in (`);
      for (const wrong of [async () => await 0, async function* () {}]) {
        refuses(
          () => make(given(wrong)),
          `${what}: "${name}" is async, but nothing waits for a promise; give `,
        );
      }
    }
  });

  if (options) {
    Deno.test(`${what} refuses options that it has not`, () => {
      make(options);
      refuses(() => make({ ...options, timeOut: 1 }), `${what}: there is no option "timeOut"; there are `);
      refuses(() => make(null), `${what}: the options are null; give an object, as in { `);
      refuses(() => make("k"), `${what}: the options are "k"; give an object, as in { `);
    });
  }
}

Deno.test("a window is one that tumbling, sliding or session gives, of up to a hundred years", () => {
  for (const what of ["aggregate()", "countByValue()", "groupByKey()", "reduceByKeyAndWindow()"]) {
    const { make, options } = makers[what]!;
    for (const window of ["1m", 60_000, null, {}]) {
      const start = `${what}: "window" is ${JSON.stringify(window)}; give one, as in tumbling("1m")`;
      refuses(() => make({ ...options, window }), start);
    }
    const window = { kind: "session", size: Number.MAX_SAFE_INTEGER, slide: 0 };
    refuses(
      () => make({ ...options, window }),
      `${what}: "window" is 9007199254740991 ms long; give at most`,
    );
    make({ ...options, window: weir.tumbling("36525d") });
  }
});

Deno.test("options that are no functions are refused, too", () => {
  const bad: [make: () => unknown, message: string][] = [
    [
      () => api.join(sites, { ...joined, type: "outer" }),
      'join(sites): "type" is "outer"; give "inner" or "left"',
    ],
    [
      () => api.join("sites", joined),
      'join(): the table is "sites"; give one that referenceTable(...) makes',
    ],
    [
      () => api.joinWithin(undefined, near),
      "joinWithin(): the other stream is undefined; give a stream of the",
    ],
    [() => api.joinWithin(stream, { ...near, within: 0 }), 'joinWithin(): "within": 0 is not a duration'],
    [
      () => api.mapWithState({ ...state, timeout: "1y" }),
      'mapWithState(): "timeout": "1y" is not a duration',
    ],
    [() => api.movingAverage({ ...average, size: undefined, over: 0 }), 'movingAverage(): "over": 0 is not'],
    [
      () => api.topic("a", { ...passed, codec: undefined }),
      'topic("a"): "codec" is undefined; give one, as in',
    ],
    [
      () => api.topic("a", { ...passed, partitions: 0 }),
      'topic("a"): "partitions" is 0; give a whole number',
    ],
    [
      () => api.referenceTable("t", { columns: { id: "text" }, key: "id", from: [], refesh: "1m" }),
      'referenceTable("t"): there is no option "refesh"; there are columns, key, from, refresh',
    ],
    [() => api.aggregate({ by: fn }), 'aggregate(): "compute" is undefined; give results, as in'],
    [
      () => api.union(undefined),
      "union(): it got undefined; give streams of the pipeline, as in union(others)",
    ],
    [() => api.transform(), "transform(): it got undefined; give operators, or a function as in (stream) =>"],
    [() => api.transform(weir.map(fn), fn), "transform(): it got function; give operators, or a function"],
    [() => api.transform(async () => await 0), 'transform(): "fn" is async, but nothing waits for a promise'],
  ];
  for (const [make, message] of bad) refuses(make, message);
  api.joinWithin(stream, { ...near, lateness: 0 });
  api.repartition("a", { ...passed, lateness: "0s" });
});
