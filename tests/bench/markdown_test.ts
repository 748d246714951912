import assert from "node:assert/strict";
import { markdownTable, rounded, withUnit } from "../../bench/markdown.ts";

Deno.test("a Markdown table is as wide as its widest cells", () => {
  assert.equal(
    markdownTable(["", "rows/s"], [["weir", "20,700"], ["writing directly", "9"]]),
    [
      "|                  | rows/s |",
      "| ---------------- | ------ |",
      "| weir             | 20,700 |",
      "| writing directly | 9      |",
    ].join("\n"),
  );
});

Deno.test("numbers keep the digits that count, and those before the point", () => {
  assert.deepEqual(
    [23_784.2, 13.456, 0.4412, 5, 177_345, 1_326, NaN, undefined].map((each) => rounded(each)),
    [
      "23,800",
      "13.5",
      "0.44",
      "5",
      "177,000",
      "1,330",
      "",
      "",
    ],
  );
  assert.deepEqual([withUnit(7.125, "ms"), withUnit(NaN, "ms")], ["7.13 ms", ""]);
});
