/** Outputs that would write nothing, or something else than was meant: an error when the pipeline is made. */
import assert from "node:assert/strict";
import {
  ConfigError,
  kafka,
  map,
  type Output,
  pipeline,
  postgresTable,
  type Stream,
  text,
  topic,
} from "../src/mod.ts";

const source = kafka("lines", { group: "g", codec: text() });
const copy = (name: string) => topic(name, { key: () => null, codec: text() });

/** The error of a pipeline with such outputs, which types may forbid. */
function errorOf(outputs: unknown, more: object = {}): Error {
  try {
    pipeline("p", { source, outputs: outputs as (stream: Stream<string>) => Output[], ...more });
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof ConfigError, `${error}`);
    return error;
  }
  throw new Error("it was not refused");
}

Deno.test("an output that is made but not returned is refused by its name", () => {
  const error = errorOf((lines: Stream<string>) => {
    lines.to(copy("forgotten"));
    lines.pipe(map((line) => ({ line }))).to(
      postgresTable("t", { columns: { line: "text" }, key: ["line"] }),
    );
    return [lines.to(copy("out"))];
  });
  assert.deepEqual((error as ConfigError).problems, [
    'pipeline "p": the output to the topic "forgotten" would write nothing; return it in the list of "outputs", too',
    'pipeline "p": the output to the postgres "t" would write nothing; return it in the list of "outputs", too',
  ]);
});

Deno.test("an output of another pipeline is refused by its name", () => {
  let other: Output | undefined;
  pipeline("other", {
    source,
    outputs: (lines) => [other = lines.pipe(map((line) => `A ${line}`)).to(copy("theirs"))],
  });
  assert.equal(
    errorOf((lines: Stream<string>) => [lines.to(copy("out")), other]).message,
    'pipeline "p": the output to the topic "theirs" is one of another pipeline; end this one\'s own streams in sinks',
  );
});

Deno.test("outputs are a list of what to(...) gives", () => {
  const bad: [outputs: unknown, message: RegExp][] = [
    [
      () => {},
      /^pipeline "p": "outputs" gave undefined; return a list, as in \(stream\) => \[stream\.to\(\.\.\.\)\]$/,
    ],
    [
      (lines: Stream<string>) => lines.to(copy("out")),
      /^pipeline "p": "outputs" gave \{.*; return a list, as in/,
    ],
    [() => [undefined], /^pipeline "p": "outputs" gave undefined in its list; give what to\(\.\.\.\) gives$/],
    [(lines: Stream<string>) => [lines], /"outputs" gave \{\} in its list; give what to/],
    ["none", /^pipeline "p": "outputs" is "none"; give a function, as in \(stream\) => \[stream/],
    [async (lines: Stream<string>) => await [lines.to(copy("out"))], /^pipeline "p": "outputs" is async/],
    [
      (lines: Stream<string>) => [lines.to(undefined as never)],
      /^to\(\) takes a sink, as postgresTable\(\.\.\.\) gives one; it got undefined$/,
    ],
    [
      (lines: Stream<string>) => [lines.pipe(undefined as never).to(copy("out") as never)],
      /^pipe\(\) takes operators, as map\(\.\.\.\) gives one; it got undefined$/,
    ],
  ];
  for (const [outputs, message] of bad) assert.match(errorOf(outputs).message, message);
});

Deno.test("a pipeline's other layers are what they should be", () => {
  const outputs = (lines: Stream<string>) => [lines.to(copy("out"))];
  const bad: [more: object, message: RegExp][] = [
    [{ source: "lines" }, /^pipeline "p": "source" is "lines"; give one, as in kafka\(\.\.\.\)$/],
    [
      { deadletter: topic("d") },
      /^pipeline "p": there is no option "deadletter"; there are schedule, source,/,
    ],
    [
      { schedule: { cron: "* * * * *", producer() {} } },
      /"schedule": there is no option "producer"; there are cron/,
    ],
    [{ deadLetter: "d" }, /^pipeline "p": "deadLetter" is "d"; give topic\("name"\)$/],
  ];
  for (const [more, message] of bad) assert.match(errorOf(outputs, more).message, message);
});

Deno.test("a table's options are what they should be", () => {
  const options = { columns: { line: "text" }, key: ["line"] } as const;
  const bad: [more: object, message: RegExp][] = [
    [
      { onconflict: "ignore" },
      /^postgresTable\("t"\): there is no option "onconflict"; there are columns, key,/,
    ],
    [
      { onConflict: "replace" },
      /^postgresTable\("t"\): "onConflict" is "replace"; give "update" or "ignore"$/,
    ],
  ];
  for (const [more, message] of bad) {
    assert.throws(() => postgresTable("t", { ...options, ...more }), { name: "TypeError", message });
  }
});
