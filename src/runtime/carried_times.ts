import type { RecordHeader } from "../record.ts";

/**
 * The header in which a record of a `repartition`'s topic carries its times, in milliseconds since 1970: the timestamp, and
 * behind a blank the event time if it is another. Its own timestamp is that of its writing: by it the topic's retention
 * counts, and brokers refuse those that are too far ahead.
 */
const key = "weir-times";

/** The times of a record, in milliseconds since 1970. */
export interface Times {
  readonly timestamp: number;
  readonly eventTime: number;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export function timesHeader({ timestamp, eventTime }: Times): RecordHeader {
  return { key, value: utf8.encode(eventTime === timestamp ? `${timestamp}` : `${timestamp} ${eventTime}`) };
}

/** The times that a record carries; undefined when it carries none, as it was not written by a `repartition`. */
export function carriedTimes(headers: readonly RecordHeader[]): Times | undefined {
  const value = headers.find((header) => header.key === key)?.value;
  if (!value || value.length === 0) return undefined;
  const [timestamp, eventTime = timestamp] = fromUtf8.decode(value).split(" ").map(Number);
  return Number.isFinite(timestamp) && Number.isFinite(eventTime)
    ? { timestamp: timestamp!, eventTime: eventTime! }
    : undefined;
}
