import { Buffer } from "node:buffer";
import type { IHeaders, Message } from "kafkajs";
import type { ProducedRecord, RecordHeader } from "../record.ts";

/** What kafkajs is to write. */
export function producedMessage(record: ProducedRecord): Message {
  return {
    key: record.key && asBuffer(record.key),
    value: record.value && asBuffer(record.value),
    ...(record.timestamp !== undefined && { timestamp: String(record.timestamp) }),
    ...(record.partition !== undefined && { partition: record.partition }),
    ...(record.headers.length > 0 && { headers: writtenHeaders(record.headers) }),
  };
}

/**
 * kafkajs takes headers as an object, which keeps neither their order nor repeated keys, and it cannot write null
 * values. It does flatten a list of values by the list's own `map`, and writes whatever that returns.
 */
function writtenHeaders(headers: readonly RecordHeader[]): IHeaders {
  const all: Buffer[] = [];
  const map = () =>
    headers.map(({ key, value }) => value ? { key, value: asBuffer(value) } : nullHeader(key));
  return { all: Object.assign(all, { map }) as Buffer[] };
}

/** kafkajs reads a value first to measure it, which throws for null; an empty one takes as much room. */
function nullHeader(key: string): { key: string; value: string | null } {
  let measured = false;
  return {
    key,
    get value() {
      if (measured) return null;
      measured = true;
      return "";
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
