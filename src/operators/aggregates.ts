import type { Moments } from "../merge.ts";
import type { Accumulator, Aggregate, Result } from "./aggregate.ts";
import { atOnce, type RecordContext } from "./mod.ts";
import { checkFunction } from "./options.ts";
import { shown } from "../shown.ts";

const example = "(reading) => reading.celsius";

type NumberOf<I> = (value: I, record: RecordContext) => number;

/**
 * How many records.
 *
 * @example
 * ```ts
 * import { aggregate, count } from "weir";
 * const visits = aggregate({
 *   by: (visit: { page: string }) => ({ page: visit.page }),
 *   compute: { visits: count() },
 * });
 * ```
 */
export function count(): Aggregate<unknown, bigint> {
  return {
    kind: "count",
    accumulators: [{ suffix: "", type: "bigint", merge: "sum" }],
    measure: () => one,
  };
}

const one = [1];

/**
 * The largest numbers that are added up, and whose squares are. So many of them fit in a double, about 10^17, that no sum
 * overflows: whether a record is refused depends on nothing but itself, and not on those that it came with.
 */
const largestAdded = 1e290;
const largestSquared = 1e145;

/**
 * The sum of a number of each record, as a double: one that is not from -1e290 to 1e290 sends its record to the dead
 * letters. Sums of fractions are rounded, and may differ in their last digits with the order in which records are added.
 *
 * @example
 * ```ts
 * import { aggregate, sum } from "weir";
 * const sales = aggregate({
 *   by: (sale: { shop: string; amount: number }) => ({ shop: sale.shop }),
 *   compute: { total: sum((sale) => sale.amount) },
 * });
 * ```
 */
export function sum<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("sum", "sum", of, largestAdded);
}

/**
 * The smallest of a number of each record; one that is not finite sends its record to the dead letters.
 *
 * @example
 * ```ts
 * import { aggregate, min } from "weir";
 * const nights = aggregate({
 *   by: (reading: { sensor: string; celsius: number }) => ({ sensor: reading.sensor }),
 *   compute: { coldest: min((reading) => reading.celsius) },
 * });
 * ```
 */
export function min<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("min", "min", of);
}

/**
 * The largest of a number of each record; one that is not finite sends its record to the dead letters.
 *
 * @example
 * ```ts
 * import { aggregate, max } from "weir";
 * const days = aggregate({
 *   by: (reading: { sensor: string; celsius: number }) => ({ sensor: reading.sensor }),
 *   compute: { hottest: max((reading) => reading.celsius) },
 * });
 * ```
 */
export function max<I>(of: NumberOf<I>): Aggregate<I, number> {
  return ofOne("max", "max", of);
}

/**
 * The mean of a number of each record, kept as its sum and count; a number that is not from -1e290 to 1e290 sends its
 * record to the dead letters.
 *
 * @example
 * ```ts
 * import { aggregate, avg, tumbling } from "weir";
 * const perHour = aggregate({
 *   by: (reading: { sensor: string; celsius: number }) => ({ sensor: reading.sensor }),
 *   window: tumbling("1h"),
 *   compute: { mean: avg((reading) => reading.celsius) },
 * });
 * ```
 */
export function avg<I>(of: NumberOf<I>): Aggregate<I, number> {
  checkFunction("avg()", "of", of, example);
  return {
    kind: "avg",
    accumulators: [
      { suffix: "_sum", type: "double", merge: "sum" },
      { suffix: "_count", type: "bigint", merge: "sum" },
    ],
    measure: (value, record) => [upTo(largestAdded, atOnce(of(value, record))), 1],
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
 * record. Count, mean and squared differences are kept, so that large numbers that differ little lose no digits. Numbers
 * may be from -1e145 to 1e145.
 *
 * @example
 * ```ts
 * import { aggregate, avg, stddev } from "weir";
 * const spread = aggregate({
 *   by: (part: { machine: string; millimeters: number }) => ({ machine: part.machine }),
 *   compute: { mean: avg((part) => part.millimeters), deviation: stddev((part) => part.millimeters) },
 * });
 * ```
 */
export function stddev<I>(of: NumberOf<I>): Aggregate<I, number | null> {
  checkFunction("stddev()", "of", of, example);
  return {
    kind: "stddev",
    accumulators: [{ suffix: "_moments", type: "json", merge: "moments" }],
    measure: (value, record) => [[1, upTo(largestSquared, atOnce(of(value, record))), 0]],
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

function ofOne<I>(
  kind: string,
  merge: Accumulator["merge"],
  of: NumberOf<I>,
  largest = Number.MAX_VALUE,
): Aggregate<I, number> {
  checkFunction(`${kind}()`, "of", of, example);
  return {
    kind,
    accumulators: [{ suffix: "", type: "double", merge }],
    measure: (value, record) => [upTo(largest, atOnce(of(value, record)))],
  };
}

function upTo(largest: number, number: number): number {
  if (!Number.isFinite(number)) throw new TypeError(`needs a finite number, got ${shown(number)}`);
  if (number > largest || number < -largest) {
    throw new TypeError(`needs a number from -${largest} to ${largest}, got ${number}`);
  }
  return number;
}
