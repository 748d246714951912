import type { RecordHeader } from "../record.ts";

/**
 * The header in which a record of a `repartition`'s topic carries its times, in milliseconds since 1970, and who wrote it:
 * timestamp, event time and the group of the pipeline, with blanks between them. Its own timestamp is that of its writing:
 * by it the topic's retention counts, and brokers refuse those that are too far ahead.
 */
const key = "weir-times";

/** The times of a record, in milliseconds since 1970. */
export interface Times {
  readonly timestamp: number;
  readonly eventTime: number;
}

/** What a record carries. */
export interface CarriedTimes extends Times {
  /** The group of the pipeline that wrote it; records of earlier versions have none. */
  readonly group?: string;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export function timesHeader({ timestamp, eventTime }: Times, group: string): RecordHeader {
  return { key, value: utf8.encode(`${timestamp} ${eventTime} ${group}`) };
}

/** What a record carries; undefined when it carries no times, as it was not written by a `repartition`. */
export function carriedTimes(headers: readonly RecordHeader[]): CarriedTimes | undefined {
  const value = headers.find((header) => header.key === key)?.value;
  if (!value || value.length === 0) return undefined;
  const [first, second = first, ...rest] = fromUtf8.decode(value).split(" ");
  const [timestamp, eventTime] = [Number(first), Number(second)];
  if (!Number.isFinite(timestamp) || !Number.isFinite(eventTime)) return undefined;
  return rest.length === 0 ? { timestamp, eventTime } : { timestamp, eventTime, group: rest.join(" ") };
}
