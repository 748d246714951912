import assert from "node:assert/strict";
import { kafka, map, pipeline, postgresTable, testPipeline, text } from "weir";
import { applied } from "../support/applied.ts";

Deno.test("map gives one value for each, whatever it is", () => {
  assert.deepEqual(applied(map((n: number) => n * 2), 1, 2, 3), [2, 4, 6]);
  assert.deepEqual(applied(map((): undefined => undefined), 1), [undefined]);
  assert.deepEqual(applied(map((n: number) => [n, n]), 1), [[1, 1]], "a list is one value");
});

Deno.test("a record that map throws for is a dead letter, and those beside it go on", async () => {
  const test = await testPipeline(pipeline("p", {
    source: kafka("lines", { group: "g", codec: text() }),
    outputs: (lines) => [
      lines.pipe(map(function toNumber(line) {
        const n = Number(line);
        if (Number.isNaN(n)) throw new TypeError(`"${line}" is no number`);
        return { n };
      })).to(postgresTable("numbers", { columns: { n: "double" }, key: ["n"] })),
    ],
  }));
  await test.send({ value: "1" }, { value: "two" }, { value: "3" });
  assert.deepEqual(test.rows("numbers"), [{ n: 1 }, { n: 3 }]);
  assert.deepEqual(test.deadLetters.map(({ stage, reason, text }) => [stage, reason, text]), [
    ["map(toNumber)", '"two" is no number', "two"],
  ]);
});
