import type { Duration } from "../duration.ts";
import { mapWithState, type StateKey } from "./map_with_state.ts";
import { atOnce, type Operator, type RecordContext } from "./mod.ts";
import { checkFunction, checkOptions, durationOf } from "./options.ts";

/** The options of {@linkcode movingAverage}: give `size` or `over`. */
export interface MovingAverageOptions<I, K extends StateKey> {
  /** What averages are kept by. */
  readonly by: (value: I, record: RecordContext) => K;
  /** The number to average. */
  readonly of: (value: I, record: RecordContext) => number;
  /** How many of the key's last values count: 1 to 1,000. */
  readonly size?: number;
  /**
   * For how long a value counts, in event time, back from the key's latest. Kept in sixty slices, the first of which goes
   * as a whole, so that what counts is this long to within a sixtieth.
   */
  readonly over?: Duration;
  /** What its states are kept under, see `mapWithState`. Default: `movingAverage`. */
  readonly name?: string;
}

/** A value and the average that it brought about. */
export interface Averaged<I> {
  readonly value: I;
  readonly average: number;
  /** How many values it is the average of. */
  readonly count: number;
}

/**
 * Gives each value with the average of its key's last ones: so many, or those of so long. States are kept as
 * `mapWithState` keeps them: all records of a key must be in one partition.
 *
 * @throws {TypeError} when an option is not known or no function, neither or both of `size` and `over` are given, or one cannot be.
 *
 * @example
 * ```ts
 * import { movingAverage } from "weir";
 * const smoothed = movingAverage({
 *   by: (reading: { sensor: string; celsius: number }) => reading.sensor,
 *   of: (reading) => reading.celsius,
 *   over: "5m",
 * });
 * ```
 */
export function movingAverage<I, K extends StateKey>(
  options: MovingAverageOptions<I, K>,
): Operator<I, Averaged<I>> {
  const what = "movingAverage()";
  checkOptions(what, options, ["by", "of", "size", "over", "name"]);
  const { by, of, size, over } = options;
  checkFunction(what, "by", by, "(reading) => reading.sensor");
  checkFunction(what, "of", of, "(reading) => reading.celsius");
  if ((size === undefined) === (over === undefined)) {
    throw new TypeError('movingAverage(): give "size", as in 10, or "over", as in "5m", and not both');
  }
  const name = options.name ?? "movingAverage";
  const averaging = size === undefined
    ? overTime({ ...options, name }, durationOf(what, "over", over!))
    : overValues({ ...options, name }, size);
  return { ...averaging, name };
}

function overValues<I, K extends StateKey>(
  { by, of, name }: MovingAverageOptions<I, K> & { readonly name: string },
  size: number,
): Operator<I, Averaged<I>> {
  if (!Number.isInteger(size) || size < 1 || size > 1_000) {
    throw new TypeError(`movingAverage(): the size ${size} must be a whole number from 1 to 1,000`);
  }
  return mapWithState({
    name,
    by,
    initial: (): readonly number[] => [],
    update: (before, value: I, record) => {
      const state = [...before, finite(atOnce(of(value, record)))].slice(-size);
      const average = state.reduce((sum, each) => sum + each / state.length, 0);
      return { state, emit: [{ value, average, count: state.length }] };
    },
  });
}

/** The values of a slice of time: its number since 1970, their count, and their mean. */
type Slice = readonly [number: number, count: number, mean: number];

const slicesOver = 60;

function overTime<I, K extends StateKey>(
  { by, of, name }: MovingAverageOptions<I, K> & { readonly name: string },
  over: number,
): Operator<I, Averaged<I>> {
  const length = over / slicesOver;
  return mapWithState({
    name,
    by,
    initial: (): readonly Slice[] => [],
    update: (before, value: I, record) => {
      const number = Math.floor(record.eventTime / length);
      const brought = finite(atOnce(of(value, record)));
      const [, held, mean] = before.find(([each]) => each === number) ?? [number, 0, 0];
      const slice: Slice = [number, held + 1, mean + (brought - mean) / (held + 1)];
      const all = [...before.filter(([each]) => each !== number), slice];
      const latest = Math.max(...all.map(([each]) => each));
      const state = all.filter(([each]) => each > latest - slicesOver);
      // A value that comes too late to count is given with the average of those that do.
      const count = state.reduce((sum, [, each]) => sum + each, 0);
      const average = state.reduce((sum, [, each, of]) => sum + of * (each / count), 0);
      return { state, emit: [{ value, average, count }] };
    },
    timeout: over,
  });
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new TypeError(`an average needs finite numbers, got ${value}`);
}
