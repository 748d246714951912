import { type Merge, merges } from "../../src/merge.ts";
import type { Aggregate } from "../../src/operators/aggregate.ts";
import { record } from "./applied.ts";

/** What is kept for a group after these values, accumulator by accumulator. */
export function accumulated<I>(of: Aggregate<I, unknown>, values: readonly I[], at = record): unknown[] {
  const measures = values.map((value) => of.measure(value, at));
  return of.accumulators.map((_, i) => measures.map((each): unknown => each[i]).reduce(mergeOf(of, i)));
}

/** How what an accumulator keeps is merged. */
export function mergeOf(
  of: Aggregate<never, unknown>,
  i: number,
): (held: unknown, brought: unknown) => unknown {
  return merges[of.accumulators[i]!.merge as Merge] as (held: unknown, brought: unknown) => unknown;
}
