import assert from "node:assert/strict";
import { figure, percent, table } from "../../bench/table.ts";

Deno.test("a table has a column for each figure that any row has", () => {
  assert.equal(
    table({ weir: { rowsPerSecond: 20_827.04, p50: 8.125 }, spark: { rowsPerSecond: 8_500, cores: 1.9 } }),
    [
      "       rows/s  p50 ms  cores",
      "weir   20,827    8.13",
      "spark   8,500            1.9",
    ].join("\n"),
  );
});

Deno.test("figures have three digits or so; what was not measured is left empty", () => {
  assert.deepEqual([123.4, 12.34, 1.234, -0.567, NaN, undefined].map(figure), [
    "123",
    "12.3",
    "1.23",
    "-0.57",
    "",
    "",
  ]);
  assert.deepEqual([percent(1.186), percent(NaN)], ["119%", "not measured"]);
});
