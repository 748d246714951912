import assert from "node:assert/strict";
import {
  aggregate,
  count,
  filter,
  kafka,
  map,
  pipeline,
  postgresTable,
  type Stream,
  text,
  union,
} from "weir";
import { runPlan } from "../support/plan_run.ts";

const source = kafka("lines", { group: "g", codec: text() });
const toRow = map((line: string) => ({ line }));
const table = () => postgresTable("lines", { columns: { line: "text" }, key: ["line"] });

Deno.test("a union gives the values of all its streams, in the order in which those were made", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const upper = stream.pipe(map((line) => line.toUpperCase()));
      const marked = stream.pipe(filter((line) => line.includes("!")));
      return [marked.pipe(union(upper, stream), toRow).to(table())];
    },
  });
  assert.deepEqual(plan.nodes.map(({ id, parents, operator }) => [id, parents, operator.kind]), [
    [1, [0], "map"],
    [2, [0], "filter"],
    [3, [2, 1, 0], "union"],
    [4, [3], "map"],
  ]);
  const { lines, counts } = runPlan(plan, ["a", "b!"]);
  assert.deepEqual(lines, [["A", "a", "B!", "b!", "b!"]]);
  assert.deepEqual(counts, { out: 2, filtered: 0, deadLettered: 0, late: 0, ahead: 0 });
});

Deno.test("a stream joined with itself gives each value twice", () => {
  const twice = (stream: Stream<string>) => [stream.pipe(union(stream), toRow).to(table())];
  assert.deepEqual(runPlan(pipeline("p", { source, outputs: twice }), ["a"]).lines, [["a", "a"]]);
});

Deno.test("what follows a union is run once for each value, whichever stream it came from", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const both = stream.pipe(map((line) => `${line}1`), union(stream.pipe(map((line) => `${line}2`))));
      return [
        both.pipe(toRow).to(table()),
        both.pipe(aggregate({ by: (line) => ({ line }), compute: { n: count() } })).to(
          postgresTable("counts"),
        ),
      ];
    },
  });
  assert.deepEqual(runPlan(plan, ["a", "a"]).lines, [["a2", "a1", "a2", "a1"], ["a2\t2", "a1\t2"]]);
});

Deno.test("a record that fails on one way leaves nothing of the other", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => [
      stream.pipe(
        union(stream.pipe(map(function explode(line): string {
          if (line === "b") throw new RangeError("no b");
          return line;
        }))),
        toRow,
      ).to(table()),
    ],
  });
  const { lines, deadLetters } = runPlan(plan, ["a", "b", "c"]);
  assert.deepEqual(lines, [["a", "a", "c", "c"]]);
  assert.deepEqual(deadLetters, [{ stage: "map(explode)", error: "no b" }]);
});

Deno.test("a union with nothing, with another pipeline's stream, or of an aggregate is refused", () => {
  assert.throws(() => union(), {
    name: "TypeError",
    message: "union(): give at least one other stream, as in union(others)",
  });
  let other: Stream<string> | undefined;
  pipeline("other", { source, outputs: (stream) => [(other = stream).pipe(toRow).to(table())] });
  assert.throws(
    () => pipeline("p", { source, outputs: (stream) => [stream.pipe(union(other!), toRow).to(table())] }),
    /union: a stream of another pipeline/,
  );
  const counts = aggregate({ by: (line: string) => ({ line }), compute: { n: count() } });
  assert.throws(
    () =>
      pipeline("p", {
        source,
        outputs: (stream) => [stream.pipe(counts, union(stream.pipe(counts))).to(postgresTable("c"))],
      }),
    /union follows an aggregate/,
  );
});
