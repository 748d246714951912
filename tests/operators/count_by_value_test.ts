import assert from "node:assert/strict";
import {
  countByValue,
  flatMap,
  json,
  kafka,
  map,
  pipeline,
  postgresTable,
  testPipeline,
  text,
  topic,
  tumbling,
} from "weir";
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

Deno.test("countByValue gives final results, with the bounds of their windows", async () => {
  const schema = {
    type: "record",
    name: "Words",
    fields: [
      { name: "window_start", type: "long" },
      { name: "window_end", type: "long" },
      { name: "value", type: "string" },
      { name: "count", type: "long" },
    ],
  } as const;
  const plan = pipeline("p", {
    source: kafka("words", { group: "g", codec: text(), lateness: "1s" }),
    outputs: (words) => [
      words.pipe(countByValue({ window: tumbling("1m"), results: "final" })).to(
        topic("counts", {
          key: ({ window_start, value }) => `${value} ${Number(window_start)}`,
          codec: json(schema),
        }),
      ),
    ],
  });
  const test = await testPipeline(plan, { now: 0 });
  await test.send({ value: "a" }, { value: "a" });
  assert.deepEqual(test.records("counts"), []);
  await test.advance("2m");
  await test.send({ value: "b" });
  assert.deepEqual(test.records("counts"), [
    { key: "a 0", value: { window_start: 0, window_end: 60_000, value: "a", count: 2 } },
  ]);
});

Deno.test("countByValue refuses options that it does not know, and final results without a window", () => {
  assert.throws(() => countByValue({ windows: tumbling("1m") } as object), {
    name: "TypeError",
    message: 'countByValue(): there is no option "windows"; there are window, results',
  });
  assert.throws(() => countByValue({ results: "final" }), /without a window a result is never final/);
  assert.throws(() => countByValue({ results: "last" as "final" }), /"results" is "last"/);
});
