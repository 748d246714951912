import assert from "node:assert/strict";
import { flatMap, kafka, pipeline, postgresTable, testPipeline, text } from "weir";
import { applied } from "../support/applied.ts";

Deno.test("flatMap gives any number, from anything that can be iterated, in its order", () => {
  assert.deepEqual(applied(flatMap((line: string) => line.split(" ")), "a b", "c"), ["a", "b", "c"]);
  assert.deepEqual(applied(flatMap((n: number) => n === 1 ? [] : new Set([n, n])), 1, 2), [2]);
  const counted = flatMap(function* (n: number) {
    for (let i = 0; i < n; i++) yield i;
  });
  assert.deepEqual(applied(counted, 3, 0, 2), [0, 1, 2, 0, 1]);
});

Deno.test("of a record that flatMap fails for nothing is written, and one that it gives nothing for is filtered", async () => {
  const test = await testPipeline(pipeline("p", {
    source: kafka("lines", { group: "g", codec: text() }),
    outputs: (lines) => [
      lines.pipe(flatMap(function* words(line) {
        for (const word of line.split(" ")) {
          if (word === "!") throw new RangeError("no shouting");
          if (word !== "") yield { word };
        }
      })).to(postgresTable("words", { columns: { word: "text" }, key: ["word"] })),
    ],
  }));
  await test.send(...["a b", "c ! d", "", "e"].map((value) => ({ value })));
  assert.deepEqual(test.rows("words"), [{ word: "a" }, { word: "b" }, { word: "e" }]);
  assert.deepEqual(test.deadLetters.map(({ stage, reason, text }) => [stage, reason, text]), [
    ["flatMap(words)", "no shouting", "c ! d"],
  ]);
  assert.deepEqual([test.counts.out, test.counts.filtered, test.counts.deadLettered], [2, 1, 1]);
});
