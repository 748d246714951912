import assert from "node:assert/strict";
import { filter } from "../../src/operators/filter.ts";
import { flatMap } from "../../src/operators/flat_map.ts";
import { map } from "../../src/operators/map.ts";
import {
  InvalidRecord,
  type Operator,
  type RecordContext,
  type RecordOperator,
} from "../../src/operators/mod.ts";
import { validate } from "../../src/operators/validate.ts";

const record: RecordContext = { topic: "t", partition: 3, offset: 12, timestamp: 1_000, eventTime: 900 };

/** What an operator gives for each value, in order. */
function apply<I, O>(operator: Operator<I, O>, ...values: I[]): O[] {
  const given: O[] = [];
  for (const value of values) {
    (operator as RecordOperator<I, O>).apply(value, (each) => given.push(each), record);
  }
  return given;
}

Deno.test("map gives one value for each", () => {
  assert.deepEqual(apply(map((n: number) => n * 2), 1, 2, 3), [2, 4, 6]);
  assert.deepEqual(apply(map((): undefined => undefined), 1), [undefined], "undefined is a value too");
});

Deno.test("filter gives what the predicate holds for", () => {
  assert.deepEqual(apply(filter((n: number) => n % 2 === 0), 1, 2, 3, 4), [2, 4]);
});

Deno.test("flatMap gives any number, from anything that can be iterated", () => {
  assert.deepEqual(apply(flatMap((line: string) => line.split(" ")), "a b", "c"), ["a", "b", "c"]);
  assert.deepEqual(apply(flatMap((n: number) => n === 1 ? [] : new Set([n, n])), 1, 2), [2]);
  assert.deepEqual(
    apply(
      flatMap(function* (n: number) {
        for (let i = 0; i < n; i++) yield i;
      }),
      3,
    ),
    [0, 1, 2],
  );
});

Deno.test("validate lets good values through, and says what is wrong with bad ones", () => {
  const adult = validate(function isAdult(age: number) {
    return age >= 18 || (age < 0 ? `${age} is no age` : false);
  });
  assert.deepEqual(apply(adult, 18, 99), [18, 99]);
  const refused = (age: number, message: string) =>
    assert.throws(
      () => apply(adult, age),
      (error) => error instanceof InvalidRecord && error.message === message,
    );
  refused(-1, "-1 is no age");
  refused(5, "validate(isAdult) refused it");
  assert.throws(() => apply(validate(() => ""), 1), /validate refused it/, "an empty text is no reason");
});

Deno.test("flatMap refuses what cannot be iterated, as it was given", () => {
  for (const wrong of [null, undefined, 5, { a: 1 }]) {
    assert.throws(() => apply(flatMap((_: number) => wrong as never), 1), {
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
    assert.throws(() => apply(operator as Operator<number, unknown>, 1), {
      name: "InvalidRecord",
      message: "the function gave a promise, but nothing waits for one; it must give its result at once",
    });
  }
});

Deno.test("each is told where its value came from", () => {
  const seen: RecordContext[] = [];
  apply(map((_: number, from) => seen.push(from)), 1);
  apply(filter((_: number, from) => seen.push(from) > 0), 1);
  apply(flatMap((_: number, from) => [seen.push(from)]), 1);
  apply(validate((_: number, from) => seen.push(from) > 0), 1);
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
