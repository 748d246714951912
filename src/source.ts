import type { Codec } from "./codecs/mod.ts";
import type { Duration } from "./duration.ts";
import type { RecordContext } from "./operators/mod.ts";
import { checkCodec, checkFunction, checkOptions, durationOf, durationOrZero } from "./operators/options.ts";
import type { From, Source } from "./plan.ts";
import { shown } from "./shown.ts";

/** The options of {@linkcode kafka}. */
export interface SourceOptions<T> {
  readonly group: string;
  readonly codec: Codec<T, NoInfer<T>>;
  /** Default: `earliest`. */
  readonly from?: From;
  /** How many partitions the topic gets if it does not exist yet. Default: 8. */
  readonly partitions?: number;
  /** When it happened: a Date or milliseconds since 1970. Default: the record's timestamp. */
  readonly eventTime?: (value: T, record: RecordContext) => Date | number;
  /**
   * How far behind the latest event time of its partition a record may be. The partition's watermark is the latest event
   * time less this; a record whose windows had all ended by then is late: it is counted, and left out of them. May be 0.
   * Default: no record is ever late.
   */
  readonly lateness?: Duration;
  /**
   * What becomes of a late record: `count` (the default) only counts it, `dead-letter` writes it to the dead letters as
   * well. Its other outputs get it all the same.
   */
  readonly late?: "count" | "dead-letter";
  /**
   * How far ahead of the clock an event time may be and still move the watermark. One beyond it counts in its own windows,
   * but closes none, so that a single wrong clock does not make all others late. Default: 10 minutes, for clocks that
   * are kept differ by seconds, and the usual mistakes, a wrong time zone or a wrong unit, are half an hour or more.
   */
  readonly maxAhead?: Duration;
  /**
   * After how long without a record a partition that is read to its end no longer holds back the source's watermark.
   * When it has records again, those before the watermark are late. Default: 30 seconds.
   */
  readonly idleAfter?: Duration;
}

/**
 * A topic to read: of Kafka, or of the embedded log when no Kafka is set.
 *
 * @throws {TypeError} when an option is not known, or cannot be right.
 */
export function kafka<T>(topic: string, options: SourceOptions<T>): Source<T> {
  const what = `kafka("${topic}")`;
  checkOptions(what, options, sourceOptions);
  const { codec, from = "earliest", eventTime, lateness, late = "count" } = options;
  checkCodec(what, codec);
  checkFrom(what, from);
  if (eventTime !== undefined) {
    checkFunction(what, "eventTime", eventTime, "(reading) => Date.parse(reading.at)");
  }
  if (late !== "count" && late !== "dead-letter") {
    throw new TypeError(`${what}: "late" is ${shown(late)}; give "count" or "dead-letter"`);
  }
  return {
    topic,
    group: options.group,
    codec,
    from,
    partitions: options.partitions ?? 8,
    ...(eventTime && { eventTime }),
    lateness: lateness === undefined ? Infinity : durationOrZero(what, "lateness", lateness),
    late,
    maxAhead: durationOf(what, "maxAhead", options.maxAhead ?? "10m"),
    idleAfter: durationOf(what, "idleAfter", options.idleAfter ?? "30s"),
  };
}

const sourceOptions = [
  "group",
  "codec",
  "from",
  "partitions",
  "eventTime",
  "lateness",
  "late",
  "maxAhead",
  "idleAfter",
];

/** What a time or an offset is, is told with all else that is wrong with the pipeline. */
function checkFrom(what: string, from: From): void {
  if (from === "earliest" || from === "latest") return;
  if (typeof from === "object" && from !== null && !Array.isArray(from)) {
    if ("ago" in from) durationOf(what, "from", from.ago);
    const isPosition = (name: string) => ["ago", "timestamp"].includes(name) || /^\d+$/.test(name);
    if (!(from instanceof Date) && Object.keys(from).every(isPosition)) return;
  }
  throw new TypeError(
    `${what}: "from" is ${
      shown(from)
    }; give "earliest", "latest", { timestamp: new Date(...) }, { ago: "2d" }, or ` +
      "offsets as in { 0: 120 }",
  );
}
