import assert from "node:assert/strict";
import { approxDistinct } from "weir";
import type { KeyValue, RecordContext } from "../../src/mod.ts";
import { Seeded } from "../support/seeded.ts";

const record: RecordContext = { topic: "t", partition: 0, offset: 0, timestamp: 0, eventTime: 0 };
const standardError = 1.04 / Math.sqrt(4_096);

type Value = KeyValue | null | undefined;
const distinct = approxDistinct((value: Value) => value);
const { merge, result } = distinct.folded!;

function stateOf(values: readonly Value[]): unknown {
  return JSON.parse(merge(values.map((value) => JSON.parse(String(distinct.measure(value, record)[0])))));
}

function estimateOf(values: readonly Value[]): number {
  return Number(result(stateOf(values)));
}

/** Values that no other seed has. */
function valuesOf(seed: number, count: number): string[] {
  const random = new Seeded(seed);
  const prefix = `${seed} ${random.integer(0, 1e9)}`;
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
}

Deno.test("the error is what HyperLogLog promises, for few values and for many", () => {
  for (
    const [count, seeds] of [[30, 20], [300, 20], [2_000, 20], [10_000, 20], [15_000, 20], [
      60_000,
      5,
    ]] as const
  ) {
    const errors = Array.from({ length: seeds }, (_, i) => estimateOf(valuesOf(i + 1, count)) / count - 1);
    for (const error of errors) {
      assert.ok(Math.abs(error) < 4 * standardError, `${count} values: ${error}`);
    }
    const rootMeanSquare = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / seeds);
    assert.ok(rootMeanSquare < 1.5 * standardError, `${count} values: ${rootMeanSquare}`);
    const bias = errors.reduce((sum, error) => sum + error, 0) / seeds;
    assert.ok(Math.abs(bias) < 4 * standardError / Math.sqrt(seeds), `${count} values: ${bias}`);
  }
});

Deno.test("a handful is counted exactly, each value once, and what is missing not at all", () => {
  assert.equal(estimateOf([null]), 0);
  assert.equal(estimateOf(["a", undefined, "a", "a"]), 1);
  assert.equal(estimateOf([1, "1", 1n, true, "true", 0, -0, 0.5]), 7);
  const values = valuesOf(1, 5_000);
  assert.equal(estimateOf([...values, ...values]), estimateOf(values));
});

Deno.test("parts merge to the same state in any order, and it stays small", () => {
  for (const count of [10, 900, 5_000]) {
    const values = valuesOf(2, count);
    const whole = stateOf(values);
    const parts = [0, 1, 2].map((part) => stateOf(values.filter((_, i) => i % 3 === part)));
    assert.deepEqual(JSON.parse(merge(parts)), whole);
    assert.deepEqual(JSON.parse(merge([...parts.toReversed(), whole])), whole);
    assert.ok(JSON.stringify(whole).length < 5_600);
  }
});

Deno.test("values that nothing can be equal to are refused", () => {
  for (const value of [NaN, {}, Symbol("a")] as unknown as Value[]) {
    assert.throws(() => distinct.measure(value, record), {
      name: "TypeError",
      message: /needs text, a number, a bigint, or true or false, got/,
    });
  }
});

Deno.test("states have the registers and ranks that they always had: those in tables go on", () => {
  // Of SHA-256("string a"), worked out by another program.
  assert.deepEqual(stateOf(["a"]), [199425]);
});
