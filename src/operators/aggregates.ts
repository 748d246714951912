import type { Moments } from "../merge.ts";
import type { Accumulator, Aggregate, Result } from "./aggregate.ts";
import { atOnce, type RecordContext } from "./mod.ts";
import { checkFunction } from "./options.ts";

const example = "(reading) => reading.celsius";

type NumberOf<I> = (value: I, record: RecordContext) => number;

/** How many records. */
export function count(): Aggregate<unknown, bigint> {
  return {
    kind: "count",
    accumulators: [{ suffix: "", type: "bigint", merge: "sum" }],
    measure: () => one,
  };
}

const one = [1];

/** The sum of a number of each record. */
export function sum<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("sum", "sum", of);
}

/** The smallest of a number of each record. */
export function min<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("min", "min", of);
}

/** The largest of a number of each record. */
export function max<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("max", "max", of);
}

/** The mean of a number of each record, kept as sum and count so that it merges exactly. */
export function avg<I>(of: NumberOf<I>): Aggregate<I, number> {
  checkFunction("avg()", "of", of, example);
  return {
    kind: "avg",
    accumulators: [
      { suffix: "_sum", type: "double", merge: "sum" },
      { suffix: "_count", type: "bigint", merge: "sum" },
    ],
    measure: (value, record) => [finite(atOnce(of(value, record))), 1],
    result: {
      expression: "$0 / $1",
      of: (sum: number, count: bigint) => sum / Number(count),
      type: "double",
      optional: false,
    },
  };
}

/**
 * The standard deviation of a number of each record, of a sample (divided by n - 1), as Spark's `stddev`; null for one
 * record. Count, mean and squared differences are kept, so that large numbers that differ little lose no digits.
 */
export function stddev<I>(of: NumberOf<I>): Aggregate<I, number | null> {
  checkFunction("stddev()", "of", of, example);
  return {
    kind: "stddev",
    accumulators: [{ suffix: "_moments", type: "json", merge: "moments" }],
    measure: (value, record) => [[1, finite(atOnce(of(value, record))), 0]],
    result: sampleDeviation,
  };
}

const sampleDeviation: Result = {
  expression: "case when ($0->>0)::double precision > 1 then " +
    "sqrt(($0->>2)::double precision / (($0->>0)::double precision - 1)) end",
  of: ([count, , squares]: Moments) => count > 1 ? Math.sqrt(squares / (count - 1)) : null,
  type: "double",
  optional: true,
};

function ofOne<I>(kind: string, merge: Accumulator["merge"], of: NumberOf<I>): Aggregate<I, number> {
  checkFunction(`${kind}()`, "of", of, example);
  return {
    kind,
    accumulators: [{ suffix: "", type: "double", merge }],
    measure: (value, record) => [finite(atOnce(of(value, record)))],
  };
}

function finite(number: number): number {
  if (!Number.isFinite(number)) throw new TypeError(`needs a finite number, got ${number}`);
  return number;
}
