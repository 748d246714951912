import assert from "node:assert/strict";
import { filter, kafka, map, pipeline, postgresTable, type Stream, text, transform, union } from "weir";
import { runPlan } from "../support/plan_run.ts";

const source = kafka("lines", { group: "g", codec: text() });
const toRow = map((line: string) => ({ line }));
const table = (name: string) => postgresTable(name, { columns: { line: "text" }, key: ["line"] });

Deno.test("a transform of a function stands for what the function pipes", () => {
  const echoed = transform(function echo(lines: Stream<string>) {
    return lines.pipe(map((line) => `${line}!`), union(lines));
  });
  assert.deepEqual([echoed.kind, echoed.name], ["transform", "transform(echo)"]);
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(echoed, toRow).to(table("a")),
      stream.pipe(map((line) => line.trim()), echoed, toRow).to(table("b")),
    ],
  });
  assert.deepEqual(plan.nodes.map(({ operator }) => operator.kind), [
    ...["map", "union", "map"],
    ...["map", "map", "union", "map"],
  ]);
  assert.deepEqual(runPlan(plan, [" a"]).lines, [[" a", " a!"].reverse(), ["a!", "a"]]);
});

Deno.test("a transform of operators stands for them in order, and may hold others", () => {
  const words = transform(map((line: string) => line.trim()), filter((line) => line !== ""));
  const shout = transform(words, map((word) => word.toUpperCase()), toRow);
  const plan = pipeline("p", { source, outputs: (stream) => [stream.pipe(shout).to(table("a"))] });
  assert.deepEqual(plan.nodes.map(({ operator }) => operator.kind), ["map", "filter", "map", "map"]);
  assert.deepEqual(runPlan(plan, [" a", " ", "b"]).lines, [["A", "B"]]);
});

Deno.test("a transform may give back its own stream", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [stream.pipe(transform((lines) => lines), toRow).to(table("a"))],
  });
  assert.deepEqual(runPlan(plan, ["a"]).lines, [["a"]]);
});

Deno.test("a transform that gives another pipeline's stream, or none, is refused", () => {
  let other: Stream<string> | undefined;
  pipeline("other", { source, outputs: (stream) => [(other = stream).pipe(toRow).to(table("a"))] });
  const piped = (give: () => Stream<string>) => () =>
    pipeline("p", { source, outputs: (stream) => [stream.pipe(transform(give), toRow).to(table("a"))] });
  assert.throws(piped(() => other!), /transform: a stream of another pipeline/);
  assert.throws(
    piped(() => undefined as never),
    /transform: its function gave undefined; return a stream, as in/,
  );
});
