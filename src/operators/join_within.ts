import type { Codec } from "../codecs/mod.ts";
import type { Duration } from "../duration.ts";
import { shown } from "../shown.ts";
import type { Stream } from "../stream.ts";
import { type Pairing, pairing } from "./join_pairing.ts";
import { type Side, sidesCodec } from "./join_sides.ts";
import { map } from "./map.ts";
import type { StateKey } from "./map_with_state.ts";
import { atOnce, type Operator, type RecordContext } from "./mod.ts";
import { checkCodec, checkFunction, checkOptions, durationOf, durationOrZero } from "./options.ts";
import { repartition } from "./repartition.ts";
import { transform } from "./transform.ts";
import { union } from "./union.ts";

/** The topic in which the two streams of a {@linkcode joinWithin} meet, and how their values pass through it. */
export interface JoinTopic<L, R> {
  /** Its name; made if it is absent. It is the pipeline's own, as that of a `repartition`. */
  readonly topic: string;
  /** How values of the stream itself pass through it: what is joined is what it decodes. */
  readonly codec: Codec<NoInfer<L>, NoInfer<L>>;
  /** How values of the other stream do. */
  readonly otherCodec: Codec<NoInfer<R>, NoInfer<R>>;
  /** How many partitions the topic gets if it does not exist yet. Default: as many as the largest topic before it has. */
  readonly partitions?: number;
}

/** What {@linkcode joinWithin} matches by. */
interface Matched<L, R, K extends StateKey> {
  /** What values of the stream itself are matched by. */
  readonly by: (left: L, record: RecordContext) => K;
  /** What values of the other stream are matched by. */
  readonly otherBy: (right: R, record: RecordContext) => K;
  /** How far apart the event times of two values that belong together may be, either of them being first. */
  readonly within: Duration;
  /** What its states are kept under, see `mapWithState`. Default: `joinWithin`. */
  readonly name?: string;
}

/** Where values of {@linkcode joinWithin} meet, and how long they wait. */
type Meeting<L, R> = {
  readonly through?: undefined;
  /** How much longer values wait for others that come late, in the event time of the partition. Default: not at all. */
  readonly lateness?: Duration;
} | {
  /** Needed for streams of different sources, or of two sides of a `repartition`: the topic in which they meet. */
  readonly through: JoinTopic<L, R>;
  /**
   * How far the two streams may be apart: how much longer values wait for others, in the event time of the partition, be
   * it because they come late or because one topic is behind the other. May be 0.
   */
  readonly lateness: Duration;
};

/** The options of {@linkcode joinWithin} that give pairs alone. */
export type JoinWithinOptions<L, R, K extends StateKey, O> = Matched<L, R, K> & Meeting<L, R> & {
  /** What becomes of two values that belong together; `record` is that of the one that came last. */
  readonly with: (left: L, right: R, record: RecordContext) => O;
  readonly type?: "inner";
};

/** The options of {@linkcode joinWithin} that also give values of the stream itself that found no other. */
export type LeftJoinWithinOptions<L, R, K extends StateKey, O> = Matched<L, R, K> & Meeting<L, R> & {
  /**
   * What becomes of two values that belong together, or of one alone, with undefined for the other; `record` is that of
   * the one that came last, or the one with which the wait was over.
   */
  readonly with: (left: L, right: R | undefined, record: RecordContext) => O;
  readonly type: "left";
};

/**
 * Joins two streams of one pipeline in time: each value with all of the other stream that have its key and are not
 * further from it than `within`. Values wait in a state, as `mapWithState` keeps it: they must be JSON, and those of one
 * key that wait at once may have 64 KiB together.
 *
 * Two values can only meet in one partition. Without `through` that is one of the topic that both streams come from: all
 * records of a key must be in the same. With `through` both go through a topic that is keyed by `by` and `otherBy`, as
 * through a `repartition`: so streams of different sources meet, whatever keys and numbers of partitions these have.
 *
 * Of two values, the one that comes first waits for the other as long as the partition's event time, the largest so far, is
 * not more than `within` and `lateness` beyond when it came. So no pair is missed while records come no later than
 * `lateness` behind that. When one of two topics is further behind than that, as while it catches up, values of the other
 * one may be gone before theirs come.
 *
 * With `type: "left"`, one of the stream itself that has found no other goes on alone, with undefined, when its wait is over:
 * with the next record of its key after that, or when its partition's event time has moved on beyond it, which takes records.
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
 *
 * @example Two topics
 * ```ts
 * import { joinWithin, json, kafka, pipeline, postgresTable } from "weir";
 *
 * const order = {
 *   type: "record",
 *   name: "Order",
 *   fields: [{ name: "id", type: "string" }, { name: "total", type: "double" }],
 * } as const;
 * const payment = {
 *   type: "record",
 *   name: "Payment",
 *   fields: [{ name: "order", type: "string" }, { name: "amount", type: "double" }],
 * } as const;
 * export default pipeline("paid_orders", {
 *   source: kafka("orders", { group: "paid-orders", codec: json(order) }),
 *   sources: { payments: kafka("payments", { group: "paid-orders-payments", codec: json(payment) }) },
 *   outputs: (orders, { payments }) => [
 *     orders.pipe(joinWithin(payments, {
 *       by: ({ id }) => id,
 *       otherBy: ({ order }) => order,
 *       within: "1h",
 *       lateness: "1d",
 *       through: { topic: "orders_and_payments", codec: json(order), otherCodec: json(payment) },
 *       with: ({ id, total }, { amount }) => ({ id, open: total - amount }),
 *     })).to(postgresTable("paid_orders", { columns: { id: "text", open: "double" }, key: ["id"] })),
 *   ],
 * });
 * ```
 */
export function joinWithin<L, R, K extends StateKey, O>(
  other: Stream<R>,
  options: JoinWithinOptions<L, R, K, O>,
): Operator<L, O>;
export function joinWithin<L, R, K extends StateKey, O>(
  other: Stream<R>,
  options: LeftJoinWithinOptions<L, R, K, O>,
): Operator<L, O>;
export function joinWithin<L, R, K extends StateKey, O>(
  other: Stream<R>,
  options: JoinWithinOptions<L, R, K, O> | LeftJoinWithinOptions<L, R, K, O>,
): Operator<L, O> {
  const what = "joinWithin()";
  if (typeof other?.pipe !== "function") {
    throw new TypeError(`${what}: the other stream is ${shown(other)}; give a stream of the pipeline`);
  }
  checkOptions(what, options, ["by", "otherBy", "within", "lateness", "with", "name", "through", "type"]);
  const { by, otherBy, within, lateness, name = "joinWithin", through, type = "inner" } = options;
  const combine = options.with as Pairing<L, R, O>["with"];
  checkFunction(what, "by", by, "(order) => order.id");
  checkFunction(what, "otherBy", otherBy, "(payment) => payment.order");
  checkFunction(what, "with", combine, "(order, payment) => ({ ...order, paid: payment.amount })");
  if (type !== "inner" && type !== "left") {
    throw new TypeError(`${what}: "type" is ${shown(type)}; give "inner" or "left"`);
  }
  const reach = durationOf(what, "within", within);
  if (through !== undefined && lateness === undefined) {
    throw new TypeError(
      `${what}: with "through" it needs a "lateness", how far the two streams may be apart, as in { lateness: "1h" }`,
    );
  }
  const kept = reach + durationOrZero(what, "lateness", lateness ?? 0);
  const meeting = through && meetingIn<L, R, K>(what, through, lateness!);
  const joined = transform((stream: Stream<L>) => {
    if (!meeting) checkOrigins(what, stream, other);
    const left = stream.pipe(
      keyed(name, (value: L, record): Side<L, R, K> => ({ key: atOnce(by(value, record)), left: value })),
    );
    const right = other.pipe(
      keyed(
        name,
        (value: R, record): Side<L, R, K> => ({ key: atOnce(otherBy(value, record)), right: value }),
      ),
    );
    const both = left.pipe(union(right));
    return (meeting ? both.pipe(meeting) : both).pipe(
      pairing<L, R, K, O>({
        name,
        reach,
        kept,
        with: combine,
        isLeft: type === "left",
        countsLate: meeting !== undefined,
      }),
    );
  });
  return { ...joined, name };
}

/** A step with the join's name, which dead letters tell. */
function keyed<I, O>(name: string, fn: (value: I, record: RecordContext) => O): Operator<I, O> {
  return { ...map(fn), name };
}

function meetingIn<L, R, K extends StateKey>(
  what: string,
  through: JoinTopic<L, R>,
  lateness: Duration,
): Operator<Side<L, R, K>, Side<L, R, K>> {
  checkOptions(`${what}: "through"`, through, ["topic", "codec", "otherCodec", "partitions"]);
  const { topic, codec, otherCodec, partitions } = through;
  checkCodec(`${what}: "through"`, codec);
  checkCodec(`${what}: "through"`, otherCodec, "otherCodec");
  return repartition(topic, {
    key: ({ key }) => key,
    codec: sidesCodec<L, R, K>(codec, otherCodec),
    lateness,
    ...(partitions !== undefined && { partitions }),
  });
}

/** Streams that come from different topics meet in none unless they are told where. */
function checkOrigins(what: string, stream: Stream<unknown>, other: Stream<unknown>): void {
  const [one, another] = [stream, other].map(({ origins }) => origins.join(" and "));
  if (one === another && stream.origins.length === 1) return;
  throw new TypeError(
    `${what}: one stream comes from ${one}, the other from ${another}; give the topic in which they meet, as in ` +
      '{ through: { topic: "name", codec, otherCodec }, lateness: "1h" }',
  );
}
