import type { Batch } from "kafkajs";
import { loadDecompress } from "./kafka_compression.ts";
import { type FetchedPartition, readFetchResponse } from "./fetch_response.ts";
import { type Decompress, type RecordSet, surveyRecordSet } from "./record_set.ts";

/**
 * The rack of consumers that get record sets instead of messages. kafkajs brings it from a consumer's settings to each of
 * its requests, and nothing else that could tell them from others; the broker is told of no rack.
 */
export const recordSetsRack = "weir-record-sets";

/** All that a fetch has brought from a partition, in one message. Its offset is that of the last record. */
export interface RecordSetMessage {
  readonly offset: string;
  readonly recordSet: RecordSet;
  readonly decompress: Decompress;
}

/** The message of a batch that was fetched for `recordSetsRack`. */
export function recordSetOf({ messages }: Batch): RecordSetMessage {
  return messages[0] as unknown as RecordSetMessage;
}

/** What of kafkajs's connection to a broker is needed here. */
interface Broker {
  lookupRequest: (apiKey: number, definition: unknown) => Request;
  fetch(request: { readonly rackId?: string }): Promise<unknown>;
}

type Request = (options: unknown) => {
  readonly request: { readonly apiVersion: number };
  readonly response: { readonly decode: (bytes: Uint8Array) => Promise<unknown> };
};

/**
 * Has brokers answer the consumers of `recordSetsRack` with whole record sets. kafkajs 2.2.4 makes more than ten objects
 * for each record, on the main thread, and lets aborted records pass: it takes the list of aborted transactions for
 * sorted, though it is in the order of their ends, and looks at one of them for each record.
 */
export function fetchRecordSets(prototype: Broker): void {
  const { fetch } = prototype;
  prototype.fetch = function (this: Broker, request) {
    if (request.rackId !== recordSetsRack) return fetch.call(this, request);
    const { lookupRequest } = this;
    this.lookupRequest = (apiKey, definition) => (options) => {
      const found = lookupRequest(apiKey, definition)(options);
      const { apiVersion } = found.request;
      return { ...found, response: { ...found.response, decode: (bytes) => decode(apiVersion, bytes) } };
    };
    try {
      // It looks up how to ask before it waits for anything.
      return fetch.call(this, { ...request, rackId: "" });
    } finally {
      this.lookupRequest = lookupRequest;
    }
  };
}

/** The answer in the shape of kafkajs's own. */
async function decode(version: number, bytes: Uint8Array): Promise<unknown> {
  const { throttleTime, errorCode, sessionId, topics } = readFetchResponse(version, bytes);
  // From version 8 on the broker leaves it to the client to wait.
  const throttled = version >= 8
    ? { throttleTime: 0, clientSideThrottleTime: throttleTime }
    : { throttleTime };
  const responses = topics.map(async ({ topic, partitions }) => ({
    topicName: topic,
    partitions: await Promise.all(partitions.map(decodePartition)),
  }));
  return { ...throttled, errorCode, sessionId, responses: await Promise.all(responses) };
}

async function decodePartition(
  { partition, errorCode, highWatermark, lastStableOffset, preferredReadReplica, recordSet }:
    FetchedPartition,
): Promise<unknown> {
  const found = surveyRecordSet(recordSet.bytes);
  const messages: RecordSetMessage[] = [];
  if (found) {
    const decompress = await loadDecompress(found.codecs);
    messages.push({ offset: String(found.next - 1), recordSet, decompress });
  }
  return {
    partition,
    errorCode,
    highWatermark: String(highWatermark),
    lastStableOffset: String(lastStableOffset),
    abortedTransactions: [],
    preferredReadReplica,
    messages,
  };
}
