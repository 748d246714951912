import type { Codec } from "../codecs/mod.ts";
import type { Duration } from "../duration.ts";
import { isTopicName } from "../topic_name.ts";
import type { StateKey } from "./map_with_state.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkCodec, checkFunction, checkOptions, checkPartitions, durationOrZero } from "./options.ts";

/** The options of {@linkcode repartition}. */
export interface RepartitionOptions<T> {
  /** What values are keyed by from here on: those of one key share a partition. */
  readonly key: (value: T, record: RecordContext) => StateKey;
  /** How values pass through the topic: what goes on is what it decodes. */
  readonly codec: Codec<T, NoInfer<T>>;
  /** How many partitions the topic gets if it does not exist yet. Default: as many as the largest topic before it has. */
  readonly partitions?: number;
  /**
   * How far behind the latest event time of its partition a record may be from here on, as for a source: also by how much
   * the partitions before it may be apart, be it while they catch up. Default: no record is ever late.
   */
  readonly lateness?: Duration;
}

/** The operator that `repartition` makes. It has no step of its own: a plan ends where it stands, and another begins. */
export interface RepartitionOperator<in I, out O> extends Operator<I, O> {
  readonly kind: "repartition";
  readonly topic: string;
  readonly key: (value: I, record: RecordContext) => StateKey;
  readonly codec: Codec<O>;
  readonly partitions?: number;
  /** Milliseconds. */
  readonly lateness?: number;
}

/**
 * Brings the records of each key into one partition, by way of a topic that is keyed by it: for states (`mapWithState`,
 * `joinWithin`) of something else than the records' own key. Aggregates need none, as the warehouse merges them.
 *
 * What comes behind it is a stage of its own, with a consumer group and a checkpoint: `<group>/<topic>`, shown as
 * `<pipeline>/<topic>`. Each value passes through the topic exactly once, and keeps its timestamp and its event time.
 * Values of one key keep their order as far as they come from the same partition. A value without a key (null, NaN, ...),
 * or one that the codec refuses, sends its record to the dead letters.
 *
 * In a partition behind it, records of all partitions of the source meet. When those are not equally far, as while they
 * catch up after an outage, event times are out of order by as much: a `lateness` behind it must allow for that, and so
 * must timeouts of states and the `lateness` of a `joinWithin`.
 *
 * Behind a `union` it brings streams of several topics together: all that these give goes into this one, keyed the same
 * way, and each writes its part by its own publisher. Event times are then out of order by how far the topics are apart,
 * too. To find pairs among two such streams, see `joinWithin`.
 *
 * The topic is this pipeline's own: nothing else should write to it, and a pipeline that gets another group should get
 * another topic. Records say in a header which group's pipeline wrote them, and those of another group are left out and
 * counted as filtered: so when two share a topic all the same, each works on its own records and neither has to stop.
 *
 * @param topic Its name; made if it is absent.
 * @throws {TypeError} when it cannot be a topic's name, an option is not known, or cannot be right.
 *
 * @example
 * ```ts
 * import { json, kafka, mapWithState, pipeline, postgresTable, repartition } from "weir";
 *
 * const payment = {
 *   type: "record",
 *   name: "Payment",
 *   fields: [{ name: "shop", type: "string" }, { name: "card", type: "string" }],
 * } as const;
 * export default pipeline("cards", {
 *   source: kafka("payments_by_shop", { group: "my-cards", codec: json(payment) }),
 *   outputs: (payments) => [
 *     payments.pipe(
 *       repartition("payments_by_card", { key: ({ card }) => card, codec: json(payment) }),
 *       mapWithState({
 *         by: ({ card }) => card,
 *         initial: () => 0,
 *         update: (count, { card }) => ({ state: count + 1, emit: [{ card, payments: count + 1 }] }),
 *       }),
 *     ).to(postgresTable("payments_per_card", { columns: { card: "text", payments: "int" }, key: ["card"] })),
 *   ],
 * });
 * ```
 */
export function repartition<T>(topic: string, options: RepartitionOptions<T>): Operator<T, T> {
  const what = `repartition("${topic}")`;
  checkOptions(what, options, ["key", "codec", "partitions", "lateness"]);
  const { key, codec, partitions, lateness } = options;
  if (!isTopicName(topic)) {
    throw new TypeError(`${what}: a topic's name is letters, digits, ., _ and -, at most 249`);
  }
  checkFunction(what, "key", key, "(payment) => payment.card");
  checkCodec(what, codec);
  if (partitions !== undefined) checkPartitions(what, partitions);
  const operator: RepartitionOperator<T, T> = {
    kind: "repartition",
    name: `repartition(${topic})`,
    topic,
    key,
    codec,
    ...(partitions !== undefined && { partitions }),
    ...(lateness !== undefined && { lateness: durationOrZero(what, "lateness", lateness) }),
  };
  return operator;
}
