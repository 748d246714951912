import type { Duration } from "../duration.ts";
import { shown } from "../shown.ts";
import type { Stream } from "../stream.ts";
import { map } from "./map.ts";
import { mapWithState, type StateKey } from "./map_with_state.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions, durationOf, durationOrZero } from "./options.ts";
import { transform } from "./transform.ts";
import { union } from "./union.ts";

/** The options of {@linkcode joinWithin}. */
export interface JoinWithinOptions<L, R, K extends StateKey, O> {
  /** What values of the stream itself are matched by. */
  readonly by: (left: L, record: RecordContext) => K;
  /** What values of the other stream are matched by. */
  readonly otherBy: (right: R, record: RecordContext) => K;
  /** How far apart the event times of two values that belong together may be, either of them being first. */
  readonly within: Duration;
  /** How much longer values wait for others that come late. Default: not at all. */
  readonly lateness?: Duration;
  /** What becomes of two values that belong together; `record` is that of the one that came last. */
  readonly with: (left: L, right: R, record: RecordContext) => O;
  /** What its states are kept under, see `mapWithState`. Default: `joinWithin`. */
  readonly name?: string;
}

/** Values of one side that wait, with their event times. */
type Waiting<T> = readonly (readonly [time: number, value: T])[];

interface Sides<L, R> {
  readonly left: Waiting<L>;
  readonly right: Waiting<R>;
}

type Either<L, R> = { readonly left: L } | { readonly right: R };

/**
 * Joins two streams of one pipeline in time: each value with all of the other stream that have its key and are not
 * further from it than `within`. Values wait in a state, as `mapWithState` keeps it: they must be JSON, those of one
 * key that wait at once may have 64 KiB together, and all records of a key must be in one partition.
 *
 * @throws {TypeError} when an option is not known or no function, or `within` or `lateness` is not a duration.
 *
 * @example
 * ```ts
 * import { filter, joinWithin, type Stream } from "weir";
 *
 * interface Event {
 *   readonly kind: "order" | "payment";
 *   readonly order: string;
 *   readonly amount: number;
 * }
 * function paidOrders(events: Stream<Event>) {
 *   const payments = events.pipe(filter(({ kind }) => kind === "payment"));
 *   return events.pipe(
 *     filter(({ kind }) => kind === "order"),
 *     joinWithin(payments, {
 *       by: ({ order }) => order,
 *       otherBy: ({ order }) => order,
 *       within: "10m",
 *       with: ({ order, amount }, payment) => ({ order, amount, paid: payment.amount }),
 *     }),
 *   );
 * }
 * ```
 */
export function joinWithin<L, R, K extends StateKey, O>(
  other: Stream<R>,
  options: JoinWithinOptions<L, R, K, O>,
): Operator<L, O> {
  const what = "joinWithin()";
  if (typeof other?.pipe !== "function") {
    throw new TypeError(`${what}: the other stream is ${shown(other)}; give a stream of the pipeline`);
  }
  checkOptions(what, options, ["by", "otherBy", "within", "lateness", "with", "name"]);
  const { by, otherBy, within, lateness = 0, with: combine, name = "joinWithin" } = options;
  checkFunction(what, "by", by, "(order) => order.id");
  checkFunction(what, "otherBy", otherBy, "(payment) => payment.order");
  checkFunction(what, "with", combine, "(order, payment) => ({ ...order, paid: payment.amount })");
  const reach = durationOf(what, "within", within);
  const kept = reach + durationOrZero(what, "lateness", lateness);
  const matching = mapWithState<Either<L, R>, K, Sides<L, R>, O>({
    name,
    by: (value, record) => "left" in value ? by(value.left, record) : otherBy(value.right, record),
    initial: () => ({ left: [], right: [] }),
    update: (before, value, record) => {
      const time = record.eventTime;
      const isNear = ([at]: readonly [number, unknown]) => Math.abs(at - time) <= reach;
      const latest = Math.max(time, ...[...before.left, ...before.right].map(([at]) => at));
      const waits = ([at]: readonly [number, unknown]) => at >= latest - kept;
      if ("left" in value) {
        return {
          state: {
            left: [...before.left, [time, value.left] as const].filter(waits),
            right: before.right.filter(waits),
          },
          emit: before.right.filter(isNear).map(([, right]) => combine(value.left, right, record)),
        };
      }
      return {
        state: {
          left: before.left.filter(waits),
          right: [...before.right, [time, value.right] as const].filter(waits),
        },
        emit: before.left.filter(isNear).map(([, left]) => combine(left, value.right, record)),
      };
    },
    timeout: kept + 1, // one that is exactly so far away still belongs to it
  });
  const joined = transform((stream: Stream<L>) =>
    stream.pipe(
      map((left): Either<L, R> => ({ left })),
      union(other.pipe(map((right): Either<L, R> => ({ right })))),
      matching,
    )
  );
  return { ...joined, name };
}
