import assert from "node:assert/strict";
import {
  aggregate,
  count,
  custom,
  type CustomType,
  json,
  kafka,
  pipeline,
  postgresTable,
  sliding,
} from "weir";
import { runPlan } from "../support/plan_run.ts";

const schema = {
  type: "record",
  name: "Word",
  fields: [{ name: "by", type: "string" }, { name: "word", type: "string" }],
} as const;

interface Word {
  readonly by: string;
  readonly word: string;
}

/** The words of a writer, each once, and how many they are. */
function words(options: { readonly window?: boolean } = {}) {
  return pipeline("p", {
    source: kafka("words", { group: "g", codec: json(schema) }),
    outputs: (stream) => [
      stream.pipe(aggregate({
        by: ({ by }) => ({ by }),
        ...(options.window && { window: sliding("2s", "1s") }),
        compute: {
          vocabulary: custom({
            init: (): unknown[] => [],
            add: (held, { word }) => {
              if (word === "boom") throw new Error("no room");
              // A function of one's own may do what it should not.
              held.push(
                word === "NaN" ? NaN : word === "nul" ? "\0" : word === "long" ? "x".repeat(70_000) : word,
              );
              return held;
            },
            merge: (a, b) => {
              if (b.includes("clash")) throw new Error("they clash");
              for (const each of b) if (!a.includes(each)) a.push(each);
              return a;
            },
            result: (held) => held.length,
            type: "int",
          }),
          records: count(),
        },
      })).to(postgresTable("vocabularies")),
    ],
  });
}

const word = (by: string, word: string): Word => ({ by, word });

Deno.test("a batch brings one state for each group, without its result", () => {
  const { lines, deadLetters } = runPlan(words(), [
    word("a", "x"),
    word("b", "y"),
    word("a", "z"),
    word("a", "x"),
  ]);
  assert.deepEqual(lines, [['a\t[["x","z"]]\t3\t\\N', 'b\t[["y"]]\t1\t\\N']]);
  assert.deepEqual(deadLetters, []);
});

Deno.test("functions that change what they are given do not change other windows", () => {
  const { lines } = runPlan(words({ window: true }), [word("a", "x"), word("a", "y"), word("a", "z")]);
  assert.deepEqual(lines[0]!.map((line) => line.split("\t").slice(3).join(" ")), [
    '[["x","y"]] 2 \\N',
    '[["x"]] 1 \\N',
    '[["y","z"]] 2 \\N',
    '[["z"]] 1 \\N',
  ]);
});

Deno.test("a long batch of one group is merged", () => {
  const { lines } = runPlan(words(), Array.from({ length: 20_000 }, (_, i) => word("a", `w${i % 3}`)));
  assert.deepEqual(lines, [['a\t[["w0","w1","w2"]]\t20000\t\\N']]);
});

Deno.test("a record whose state cannot be kept is a dead letter that names the aggregate", () => {
  const bad = ["NaN", "nul", "long", "boom"];
  const { lines, deadLetters } = runPlan(words(), [word("a", "x"), ...bad.map((each) => word("a", each))]);
  assert.deepEqual(lines, [['a\t[["x"]]\t1\t\\N']]);
  assert.deepEqual(deadLetters.map(({ stage }) => stage), bad.map(() => "aggregate"));
  const reasons = [
    /^custom "vocabulary": the state\[0\] \(NaN\) cannot be kept: it must be what JSON can hold$/,
    /^custom "vocabulary": the state holds a NUL character/,
    /^custom "vocabulary": the state has 70004 bytes; it may have 65536$/,
    /^custom "vocabulary": no room$/,
  ];
  reasons.forEach((reason, i) => assert.match(deadLetters[i]!.error, reason));
});

Deno.test("states that cannot be merged stay apart for the commit, which knows what is held", () => {
  const { lines, deadLetters } = runPlan(words(), [word("a", "x"), word("a", "clash"), word("a", "y")]);
  assert.deepEqual(lines, [['a\t[["x"],["clash"],["y"]]\t3\t\\N']]);
  assert.deepEqual(deadLetters, []);
});

Deno.test("no state is one that JSON would change", () => {
  const kept: [state: unknown, message: RegExp | undefined][] = [
    [null, undefined],
    ["\\u0000", undefined],
    [{ a: [1, "é", true, null], b: undefined }, undefined],
    [undefined, /the state \(undefined\) cannot be kept/],
    [() => 1, /the state \(a function\) cannot be kept/],
    [{ at: new Date() }, /the state\.at \(a Date\) cannot be kept/],
    [[1n], /the state\[0\] \(1n\) cannot be kept/],
    ["\ud800", /half of a surrogate pair/],
  ];
  for (const [state, message] of kept) {
    const measure = () =>
      custom<unknown, unknown, unknown>({ init: () => 0, add: () => state, merge: (a) => a, result: () => 0 })
        .measure(0, { topic: "t", partition: 0, offset: 0, timestamp: 0, eventTime: 0 });
    if (message) assert.throws(measure, { name: "TypeError", message });
    else assert.deepEqual(measure(), [JSON.stringify(state)]);
  }
});

Deno.test("a result becomes what its column takes, or is refused", () => {
  const text = (type: CustomType, result: unknown) =>
    custom<unknown, number, never, CustomType>({
      init: () => 0,
      add: (n) => n,
      merge: (a) => a,
      result: () => result as never,
      type,
    }).folded!.result(0);
  const good: [CustomType, unknown, string | null][] = [
    ["json", { a: [1] }, '{"a":[1]}'],
    ["json", null, "null"],
    ["json?", null, null],
    ["text", "a", "a"],
    ["text?", undefined, null],
    ["int", -3, "-3"],
    ["bigint", 2n ** 62n, "4611686018427387904"],
    ["double", 0.5, "0.5"],
    ["boolean", false, "false"],
    ["timestamp", new Date(0), "1970-01-01T00:00:00.000Z"],
  ];
  for (const [type, result, expected] of good) assert.equal(text(type, result), expected, type);
  const bad: [CustomType, unknown, RegExp][] = [
    ["json", NaN, /the result \(NaN\) cannot be kept/],
    ["json", undefined, /the result \(undefined\) cannot be kept/],
    ["text", null, /the result must be a value for a text column, got null/],
    ["text", "a\0", /the result must be a value for a text column/],
    ["int", 0.5, /a int column, got 0.5/],
    ["bigint", 1, /a bigint column, got 1/],
    ["double", NaN, /a double column, got NaN/],
    ["timestamp?", new Date(NaN), /a timestamp column, got Invalid Date/],
  ];
  for (const [type, result, message] of bad) {
    assert.throws(() => text(type, result), { name: "TypeError", message }, type);
  }
  assert.throws(() => text("uuid" as "text", ""), {
    name: "TypeError",
    message: 'custom(): "type" is "uuid"; give one of json, text, int, bigint, double, boolean, timestamp',
  });
});
