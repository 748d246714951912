/**
 * How two partial results become one. The warehouse does the same in SQL, see `src/warehouse/table_sql.ts`.
 *
 * | merge     | value                                         | result                                             |
 * | --------- | --------------------------------------------- | -------------------------------------------------- |
 * | `sum`     | a number                                      | their sum                                          |
 * | `min`     | a number                                      | the smaller                                        |
 * | `max`     | a number                                      | the larger                                         |
 * | `moments` | count, mean, sum of squared differences to it | those of both together                             |
 * | `first`   | event time, partition, offset, value          | the earlier; of equal ones the one that came first |
 * | `last`    | the same                                      | the later; of equal ones the one that came last    |
 */
export type Merge = "sum" | "min" | "max" | "moments" | "first" | "last";

/**
 * How states become one, and a result, where SQL cannot do it: by functions of the pipeline. A worker does it for what a
 * batch brings, the warehouse's adapter for that and what it holds. Both throw what is wrong with a state or a result.
 */
export interface Fold {
  /** One state of one or more, in the order in which they came; as the text of JSON. */
  readonly merge: (states: readonly unknown[]) => string;
  /** What a state comes to, as text that Postgres can cast to its column's type. */
  readonly result: (state: unknown) => string | null;
}

export type Moments = readonly [count: number, mean: number, squares: number];

/** A value and its place among all. */
export type Picked = readonly [eventTime: number, partition: number, offset: number, value: unknown];

/** Each is called with values of its own kind only: `held` was there before `brought`. */
export const merges: Readonly<Record<Merge, (held: never, brought: never) => unknown>> = {
  sum: (held: number, brought: number) => held + brought,
  min: (held: number, brought: number) => Math.min(held, brought),
  max: (held: number, brought: number) => Math.max(held, brought),
  moments: mergeMoments,
  first: (held: Picked, brought: Picked) => order(brought, held) < 0 ? brought : held,
  last: (held: Picked, brought: Picked) => order(brought, held) >= 0 ? brought : held,
};

/** Chan, Golub and LeVeque's update, which loses no digits where the sum of squares would lose all. */
export function mergeMoments([n, mean, squares]: Moments, [m, other, more]: Moments): Moments {
  const all = n + m;
  const delta = other - mean;
  return [all, mean + delta * m / all, squares + more + delta * delta * n * m / all];
}

function order(a: Picked, b: Picked): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
