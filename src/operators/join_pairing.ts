import type { Side } from "./join_sides.ts";
import { mapWithState, type StateKey } from "./map_with_state.ts";
import { atOnce, type Operator, type RecordContext } from "./mod.ts";

/** How values of two sides are paired. */
export interface Pairing<L, R, O> {
  /** What their states are kept under. */
  readonly name: string;
  /** Milliseconds that two values may be apart. */
  readonly reach: number;
  /** Milliseconds for which a value waits, in the partition's event time. */
  readonly kept: number;
  /** Makes what goes on of a pair; in a left join also of a value alone. */
  readonly with: (left: L, right: R | undefined, record: RecordContext) => O;
  readonly isLeft: boolean;
  /** Whether a value is counted as late that comes further behind than the others wait. */
  readonly countsLate: boolean;
}

/**
 * A value that waits, with its event time; in a left join it is marked once it has found another. `came` is the partition's
 * event time at that moment, for a value that is beyond it by a wrong clock: it waits no longer than others do.
 */
type Waiting<T> = readonly [time: number, value: T, matched?: boolean, came?: number];

/** Of one key. */
interface Sides<L, R> {
  readonly left: readonly Waiting<L>[];
  readonly right: readonly Waiting<R>[];
}

/**
 * Pairs values of two sides that have one key. Each is paired with those that wait, and then waits itself:
 *
 *     comes -> paired with each near one of the other side -> waits, until it is beyond `kept` -> gone
 *                                                   left join: alone, if it found none _________/
 */
export function pairing<L, R, K extends StateKey, O>(
  { name, reach, kept, isLeft, countsLate, with: given }: Pairing<L, R, O>,
): Operator<Side<L, R, K>, O> {
  const combine = (left: L, right: R | undefined, record: RecordContext) =>
    atOnce(given(left, right, record));
  /** Of the values of a key, with one that comes now: whether it waits still. */
  const waitingOf = ({ left, right }: Sides<L, R>, time: number, partitionTime: number) => {
    // One that is beyond the partition's time is from a wrong clock: others need not go for it.
    const times = [Math.min(time, partitionTime), ...[...left, ...right].map(since)];
    const latest = Math.max(...times.filter((at) => at <= partitionTime));
    return (each: Waiting<unknown>) => since(each) >= latest - kept;
  };
  const operator = mapWithState<Side<L, R, K>, K, Sides<L, R>, O>({
    name,
    by: ({ key }) => key,
    initial: () => ({ left: [], right: [] }),
    update: (before, value, record, partitionTime) => {
      const time = record.eventTime;
      const isNear = ([at]: Waiting<unknown>) => Math.abs(at - time) <= reach;
      const isBeyond = time > partitionTime && partitionTime >= 0;
      const waiting = <T>(each: T, matched: boolean): Waiting<T> =>
        isBeyond ? [time, each, matched, partitionTime] : matched ? [time, each, true] : [time, each];
      const waits = waitingOf(before, time, partitionTime);
      let { left, right } = before;
      let pairs: O[];
      if ("left" in value) {
        const near = right.filter(isNear);
        pairs = near.map(([, other]) => combine(value.left, other, record));
        const own = waiting(value.left, isLeft && near.length > 0);
        if (isLeft && near.length === 0 && !waits(own)) pairs = [combine(value.left, undefined, record)];
        left = [...left, own];
      } else {
        pairs = left.filter(isNear).map(([, other]) => combine(other, value.right, record));
        if (isLeft) left = left.map((each) => isNear(each) ? marked(each) : each);
        right = [...right, waiting(value.right, false)];
      }
      return {
        state: { left: left.filter(waits), right: right.filter(waits) },
        late: countsLate && time < partitionTime - (kept - reach),
        emit: pairs,
      };
    },
    timeout: kept + 1, // one that is exactly so far away still belongs to it
  });
  if (!isLeft) return operator;
  const lapses = (state: Sides<L, R>, record: RecordContext, partitionTime: number, all: boolean) => {
    const waits = waitingOf(state, record.eventTime, partitionTime);
    const alone = new Set(state.left.filter((each) => !each[2] && (all || !waits(each))));
    const leftOf = (stays: (each: Waiting<L>) => boolean) => ({ ...state, left: state.left.filter(stays) });
    return {
      state: leftOf((each) => !alone.has(each)),
      lapsed: Array.from(alone, (one) => ({
        give: () => combine(one[1], undefined, record),
        without: () => leftOf((each) => each !== one),
      })),
    };
  };
  return { ...operator, lapses } as Operator<Side<L, R, K>, O>;
}

/** When a value came, by the partition's event time. */
function since([time, , , came = time]: Waiting<unknown>): number {
  return came;
}

function marked<T>([time, value, , came]: Waiting<T>): Waiting<T> {
  return came === undefined ? [time, value, true] : [time, value, true, came];
}
