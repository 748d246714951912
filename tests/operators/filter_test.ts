import assert from "node:assert/strict";
import { filter, kafka, map, pipeline, postgresTable, testPipeline, text } from "weir";
import { applied } from "../support/applied.ts";
import { Seeded } from "../support/seeded.ts";

Deno.test("filter and its opposite part any values, each in their order", () => {
  const random = new Seeded(3);
  for (let i = 0; i < 50; i++) {
    const values = Array.from({ length: random.integer(0, 30) }, () => random.integer(-9, 9));
    const divisor = random.integer(1, 5);
    const holds = (n: number) => n % divisor === 0;
    assert.deepEqual(applied(filter(holds), ...values), values.filter(holds));
    assert.deepEqual(applied(filter((n: number) => !holds(n)), ...values), values.filter((n) => !holds(n)));
  }
});

Deno.test("what filter leaves out of one output is still for the others; of all, it is counted as filtered", async () => {
  const line = (name: string) => postgresTable(name, { columns: { line: "text" }, key: ["line"] });
  const rows = map((line: string) => ({ line }));
  const test = await testPipeline(pipeline("p", {
    source: kafka("lines", { group: "g", codec: text() }),
    outputs: (lines) => [
      lines.pipe(filter((line) => line.length > 1), rows).to(line("long")),
      lines.pipe(filter((line, { offset }) => line.startsWith("a") && offset < 3), rows).to(line("early")),
    ],
  }));
  await test.send(...["a", "ab", "b", "a"].map((value) => ({ value })));
  assert.deepEqual(test.rows("long"), [{ line: "ab" }]);
  assert.deepEqual(test.rows("early"), [{ line: "a" }, { line: "ab" }]);
  const { out, filtered, deadLettered } = test.counts;
  assert.deepEqual({ out, filtered, deadLettered }, { out: 2, filtered: 2, deadLettered: 0 });
});
