/** Functions that give a promise, which nothing waits for: each record that they get is a dead letter, and no other. */
import assert from "node:assert/strict";
import {
  aggregate,
  approxDistinct,
  count,
  first,
  groupByKey,
  join,
  kafka,
  mapWithState,
  movingAverage,
  type Output,
  pipeline,
  postgresTable,
  referenceTable,
  type Stream,
  sum,
  text,
  topic,
} from "weir";
import { runPlan } from "../support/plan_run.ts";

/** A promise for one line, which is rejected, and what is given for the others; as a program without types has it. */
function late<T>(line: string, given: T): T {
  return line === "late" ? Promise.reject(new Error("nobody sees it")) as never : given;
}

const out = topic("out", { key: () => "all", codec: text() });
const sites = referenceTable("sites", { columns: { site: "text" }, key: "site", from: [{ site: "good" }] });

const cases: Record<string, (lines: Stream<string>) => Output> = {
  "mapWithState's by": (lines) =>
    lines.pipe(mapWithState({
      by: (line: string) => late(line, line),
      initial: () => 0,
      update: (n, line) => ({ state: n + 1, emit: [line] }),
    })).to(out),
  "mapWithState's update": (lines) =>
    lines.pipe(mapWithState({
      by: (line: string) => line,
      initial: () => 0,
      update: (n, line) => late(line, { state: n + 1, emit: [line] }),
    })).to(out),
  "movingAverage's of": (lines) =>
    lines.pipe(movingAverage({ by: (line: string) => line, of: (line) => late(line, 1), size: 2 })).to(
      topic("out", {
        key: ({ value }) => value,
        codec: { ...text(), encode: () => new Uint8Array() } as never,
      }),
    ),
  "join's on": (lines) =>
    lines.pipe(join(sites, { on: (line: string) => late(line, line), with: (line) => line })).to(out),
  "join's with": (lines) =>
    lines.pipe(join(sites, { on: () => "good", with: (line: string) => late(line, line) })).to(out),
  "a topic's key": (lines) => lines.to(topic("out", { key: (line) => late(line, line), codec: text() })),
  "aggregate's by": (lines) =>
    lines.pipe(aggregate({ by: (line: string) => late(line, { line }), compute: { n: count() } })).to(
      postgresTable("n"),
    ),
  "first's value": (lines) =>
    lines.pipe(
      aggregate({
        by: (line: string) => ({ line }),
        compute: { n: first("text", (line: string) => late(line, line)) },
      }),
    ).to(postgresTable("n")),
  "approxDistinct's value": (lines) =>
    lines.pipe(
      aggregate({
        by: (line: string) => ({ line }),
        compute: { n: approxDistinct((line: string) => late(line, 1)) },
      }),
    ).to(postgresTable("n")),
  "groupByKey's by": (lines) =>
    lines.pipe(groupByKey({ by: (line: string) => late(line, { line }), value: (line) => line })).to(
      postgresTable("n"),
    ),
  "an aggregate's number": (lines) =>
    lines.pipe(
      aggregate({ by: (line: string) => ({ line }), compute: { n: sum((line: string) => late(line, 1)) } }),
    ).to(postgresTable("n")),
};

for (const [name, output] of Object.entries(cases)) {
  Deno.test(`a promise as ${name} is a dead letter`, async () => {
    const source = kafka("lines", { group: "g", codec: text() });
    const plan = pipeline("p", { source, outputs: (lines) => [output(lines)] });
    // A rejection that was left to nobody would fail the test when its turn comes.
    const { lines, deadLetters } = runPlan(plan, ["late", "good"]);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(lines[0]!.length, 1);
    assert.match(deadLetters.map(({ error }) => error).join(), /promise/i);
    assert.equal(deadLetters.length, 1);
  });
}

Deno.test("a promise as an event time, or of a codec, is a dead letter", async () => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  for (
    const [stage, more] of [
      ["eventTime", { eventTime: (line: string) => late(line, 5) }],
      ["decode", {
        codec: {
          ...text(),
          decodeAscii: undefined as never,
          decode: (b: Uint8Array) => late(decode(b), decode(b)),
        },
      }],
    ] as const
  ) {
    const plan = pipeline("p", {
      source: kafka("lines", { group: "g", codec: text(), ...more }),
      outputs: (lines) => [lines.to(out)],
    });
    const { lines, deadLetters } = runPlan(plan, ["late", "good"]);
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual([lines, deadLetters.map((each) => each.stage)], [[["good"]], [stage]]);
  }
});

Deno.test("a record's key is text or none", () => {
  const source = kafka("lines", { group: "g", codec: text() });
  const keys: Record<string, unknown> = { number: 5, missing: undefined, none: null, text: "a" };
  const plan = pipeline("p", {
    source,
    outputs: (lines) => [lines.to(topic("out", { key: (line) => keys[line] as string, codec: text() }))],
  });
  const { lines, deadLetters } = runPlan(plan, Object.keys(keys));
  assert.deepEqual(lines[0], ["none", "text"]);
  assert.deepEqual(
    deadLetters,
    [5, undefined].map((key) => ({
      stage: "write out",
      error: `the key is ${key}; it must be text, or null for none`,
    })),
  );
});
