/** What `map`, `filter`, `flatMap` and `validate` have in common. */
import assert from "node:assert/strict";
import { filter } from "../../src/operators/filter.ts";
import { flatMap } from "../../src/operators/flat_map.ts";
import { map } from "../../src/operators/map.ts";
import type { Operator, RecordContext, RecordOperator } from "../../src/operators/mod.ts";
import { validate } from "../../src/operators/validate.ts";
import { applied, record } from "../support/applied.ts";

Deno.test("flatMap refuses what cannot be iterated, as it was given", () => {
  for (const wrong of [null, undefined, 5, { a: 1 }]) {
    assert.throws(() => applied(flatMap((_: number) => wrong as never), 1), {
      name: "TypeError",
      message: `the function gave ${
        wrong === undefined ? wrong : JSON.stringify(wrong)
      }; it must give values that can be iterated, as in a list`,
    });
  }
});

Deno.test("a promise is refused, and its own error goes no further", () => {
  const later = () => Promise.reject(new Error("nobody sees it"));
  for (
    const operator of [map(later), filter(later as never), flatMap(later as never), validate(later as never)]
  ) {
    assert.throws(() => applied(operator as Operator<number, unknown>, 1), {
      name: "InvalidRecord",
      message: "the function gave a promise, but nothing waits for one; it must give its result at once",
    });
  }
});

Deno.test("each is told where its value came from", () => {
  const seen: RecordContext[] = [];
  applied(map((_: number, from) => seen.push(from)), 1);
  applied(filter((_: number, from) => seen.push(from) > 0), 1);
  applied(flatMap((_: number, from) => [seen.push(from)]), 1);
  applied(validate((_: number, from) => seen.push(from) > 0), 1);
  assert.deepEqual(seen, [record, record, record, record]);
});

Deno.test("what a function throws comes out, and values before it went on", () => {
  const given: number[] = [];
  const failing = flatMap(function* () {
    yield 1;
    throw new RangeError("too far");
  }) as RecordOperator<number, number>;
  assert.throws(() => failing.apply(0, (each) => given.push(each), record), {
    name: "RangeError",
    message: "too far",
  });
  assert.deepEqual(given, [1]);
});

Deno.test("operators are named for their functions", () => {
  function twice(n: number) {
    return n * 2;
  }
  assert.equal(map(twice).name, "map(twice)");
  assert.equal(map((n: number) => n).name, "map");
  assert.equal(filter(Boolean).name, "filter(Boolean)");
  assert.equal(flatMap((n: number) => [n]).name, "flatMap");
  assert.equal(validate(Number.isFinite).name, "validate(isFinite)");
  assert.deepEqual(
    [map(twice), filter(Boolean), flatMap(() => []), validate(Boolean)].map((operator) => operator.kind),
    ["map", "filter", "flatMap", "validate"],
  );
});
