import assert from "node:assert/strict";
import { assertSameLines } from "./same_lines.ts";

Deno.test("lines are the same in any order, and each as often", () => {
  assertSameLines("lines", ["b", "a", "a"], ["a", "b", "a"]);
  assert.throws(() => assertSameLines("lines", ["a", "b", "b"], ["a", "a", "b"]), {
    message: /lines, of 3 lines: "a" is there 1 times too few, "b" is there 1 times too often/,
  });
  assert.throws(() => assertSameLines("lines", [], ["a"]), /"a" is there 1 times too few/);
});
