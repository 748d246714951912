import assert from "node:assert/strict";
import { countByValue, flatMap, kafka, map, pipeline, postgresTable, text, tumbling } from "weir";
import { runPlan } from "../support/plan_run.ts";

const source = kafka("lines", { group: "g", codec: text() });

Deno.test("countByValue counts each value, over all time or by window", () => {
  const plan = pipeline("p", {
    source,
    outputs: (stream) => {
      const words = stream.pipe(flatMap((line) => line.split(" ")));
      return [
        words.pipe(countByValue()).to(postgresTable("counts")),
        words.pipe(map((word) => word.length), countByValue({ window: tumbling("1s") })).to(
          postgresTable("lengths"),
        ),
      ];
    },
  });
  assert.deepEqual(plan.nodes.map(({ operator }) => operator.name), [
    "flatMap",
    "countByValue",
    "map",
    "countByValue",
  ]);
  const [counts, lengths] = runPlan(plan, ["a b", "b cc b"]).lines;
  assert.deepEqual(counts, ["a\t1", "b\t3", "cc\t1"]);
  assert.deepEqual(lengths, [
    "1970-01-01T00:00:00.000Z\t1970-01-01T00:00:01.000Z\t1\t2",
    "1970-01-01T00:00:01.000Z\t1970-01-01T00:00:02.000Z\t1\t2",
    "1970-01-01T00:00:01.000Z\t1970-01-01T00:00:02.000Z\t2\t1",
  ]);
});
