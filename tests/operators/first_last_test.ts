import assert from "node:assert/strict";
import { type Aggregate, first, last } from "weir";
import { merges } from "../../src/merge.ts";
import { accumulated } from "../support/accumulated.ts";
import { aggregated, type Measured, type MeasuredRecord, parted } from "../support/aggregated.ts";
import { record } from "../support/applied.ts";
import { Seeded } from "../support/seeded.ts";

Deno.test("first and last go by event time, then partition, then offset, and keep to the order within a record", () => {
  const self = (value: string) => value;
  const at = (eventTime: number, partition: number, offset: number, value: string) =>
    first("text", self).measure(value, { ...record, eventTime, partition, offset })[0];
  const inOrder = [at(1, 9, 9, "a"), at(2, 0, 5, "b"), at(2, 1, 3, "c"), at(2, 1, 4, "d")] as never[];
  for (const [i, early] of inOrder.entries()) {
    for (const late of inOrder.slice(i + 1)) {
      assert.equal(merges.first(early, late), early);
      assert.equal(merges.first(late, early), early);
      assert.equal(merges.last(early, late), late);
      assert.equal(merges.last(late, early), late);
    }
  }
  assert.deepEqual(accumulated(first("text", self), ["x", "y"]), [[900, 3, 12, "x"]]);
  assert.deepEqual(accumulated(last("text", self), ["x", "y"]), [[900, 3, 12, "y"]]);
});

Deno.test("first and last are those of all records by event time, then place, however these come", async () => {
  const random = new Seeded(13);
  for (let i = 0; i < 10; i++) {
    const records: MeasuredRecord[] = Array.from({ length: random.integer(1, 30) }, (_, n) => ({
      n,
      partition: random.integer(0, 2),
      timestamp: random.integer(0, 5),
    }));
    const of = ({ n }: Measured) => n;
    const { results } = await aggregated(
      { begin: first("int", of), end: last("int", of) },
      ...parted(records, random.integer(0, 10), random.integer(0, 10)),
    );
    // Numbers rise with the offsets of each partition.
    const inOrder = records.toSorted((a, b) =>
      a.timestamp! - b.timestamp! || a.partition! - b.partition! || a.n - b.n
    );
    assert.deepEqual(results, { begin: inOrder[0]!.n, end: inOrder.at(-1)!.n });
  }
});

Deno.test("each type arrives as what it is", async () => {
  const values = {
    text: 'a "b"\\\n',
    int: -(2 ** 31),
    bigint: 2n ** 63n - 1n,
    double: 0.1,
    boolean: false,
    timestamp: new Date("2026-01-31T12:00:00.007Z"),
  } as const;
  const compute = Object.fromEntries(
    Object.entries(values).map((
      [type, value],
    ) => [`last_${type}`, last(type as "text", () => value as string)]),
  );
  const { results, reasons } = await aggregated(compute, [{ n: 1 }], [{ n: 2 }]);
  assert.deepEqual(reasons, []);
  assert.deepEqual(
    results,
    Object.fromEntries(Object.entries(values).map(([type, value]) => [`last_${type}`, value])),
  );
});

Deno.test("values that cannot be kept are refused", () => {
  const self = <T>(value: T) => value;
  const bad: [Aggregate<never, unknown>, unknown, RegExp][] = [
    [first("text", self<string>), "a\0", /needs a value for a text column/],
    [first("int", self<number>), 1.5, /needs a value for a int column, got 1.5/],
    [last("bigint", self<bigint>), 2n ** 63n, /needs a value for a bigint column/],
    [last("double", self<number>), NaN, /needs a value for a double column, got NaN/],
    [last("boolean", self<boolean>), null, /needs a value for a boolean column, got null/],
    [last("timestamp", self<Date>), new Date(NaN), /needs a value for a timestamp column, got Invalid Date/],
  ];
  for (const [of, value, message] of bad) {
    assert.throws(() => of.measure(value as never, record), { name: "TypeError", message });
  }
  assert.throws(() => first("json" as "text", self<string>), {
    name: "TypeError",
    message: 'first("json"): give one of text, int, bigint, double, boolean, timestamp',
  });
});
