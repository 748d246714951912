import type { Batch } from "kafkajs";
import { loadDecompress } from "./kafka_compression.ts";
import { type FetchedPartition, readFetchResponse } from "./fetch_response.ts";
import { fetchApi, fetchById, type FetchOptions, type FetchRequest } from "./kafka_fetch_request.ts";
import type { Protocol } from "./kafka_requests.ts";
import { type Decompress, type RecordSet, surveyRecordSet } from "./record_set.ts";

/** Brokers' answers: the topic of this id is not there (any more), or is not the one of that name. */
const anotherTopic = [100, 103];
/** The answer that kafkajs knows in the place of those: it asks where the topic is, and joins its group anew. */
const unknownTopic = 3;

/**
 * The rack of consumers that get record sets instead of messages. kafkajs brings it from a consumer's settings to each of
 * its requests, and nothing else that could tell them from others; the broker is told of no rack.
 */
export class RecordSetsRack {
  /** The id of the topic that is read. As long as it is not known, any topic is that has the name. */
  topicId: string | undefined;
}

/** All that a fetch has brought from a partition, in one message. Its offset is that of the last record. */
export interface RecordSetMessage {
  readonly offset: string;
  readonly recordSet: RecordSet;
  readonly decompress: Decompress;
}

/** The message of a batch that was fetched for `RecordSetsRack`. */
export function recordSetOf({ messages }: Batch): RecordSetMessage {
  return messages[0] as unknown as RecordSetMessage;
}

/** What of kafkajs's connection to a broker is needed here. */
interface Broker {
  lookupRequest: (apiKey: number, definition: unknown) => Request;
  /** Asks what the broker knows, by the number of the request. */
  apiVersions(): Promise<Readonly<Record<number, { readonly maxVersion: number } | undefined>>>;
  fetch(request: { readonly rackId?: unknown }): Promise<unknown>;
}

type FetchProtocol = Pick<Protocol, "Encoder" | "createErrorFromCode">;

type Request = (options: FetchOptions) => {
  readonly request: FetchRequest;
  readonly response: { readonly decode: (bytes: Uint8Array) => Promise<unknown> };
};

/**
 * Has brokers answer the consumers of `RecordSetsRack` with whole record sets. kafkajs 2.2.4 makes more than ten objects
 * for each record, on the main thread, and lets aborted records pass: it takes the list of aborted transactions for
 * sorted, though it is in the order of their ends, and looks at one of them for each record.
 *
 * A topic whose id is known is asked for by that, as kafkajs does not: should it be deleted and made anew, nothing comes
 * of the one that has its name then.
 */
export function fetchRecordSets(prototype: Broker, protocol: FetchProtocol): void {
  const { fetch } = prototype;
  const asked = new WeakMap<Broker, Promise<boolean>>();
  // kafkajs takes what one broker knows for what all of them know, which is not so while a cluster is upgraded: a broker
  // hangs up on a request that it does not know.
  const knowsIds = async (broker: Broker): Promise<boolean> => {
    let known = asked.get(broker);
    if (!known) {
      known = broker.apiVersions().then((own) =>
        (own[fetchApi.apiKey]?.maxVersion ?? 0) >= fetchApi.apiVersion
      );
      asked.set(broker, known);
      known.catch(() => asked.delete(broker));
    }
    return await known;
  };
  prototype.fetch = async function (this: Broker, request) {
    const rack = request.rackId;
    if (!(rack instanceof RecordSetsRack)) return await fetch.call(this, request);
    const { topicId } = rack;
    const isById = topicId !== undefined && await knowsIds(this);
    const { lookupRequest } = this;
    this.lookupRequest = (apiKey, definition) => (options) => {
      const found = lookupRequest(apiKey, definition)(options);
      const request = isById ? fetchById(options, topicId, () => new protocol.Encoder()) : found.request;
      const topics = options.topics.map(({ topic }) => topic);
      const decode = (bytes: Uint8Array) => decodeResponse(protocol, request.apiVersion, bytes, topics[0]!);
      return { ...found, request, response: { ...found.response, decode } };
    };
    let answer: Promise<unknown>;
    try {
      // It looks up how to ask before it waits for anything.
      answer = fetch.call(this, { ...request, rackId: "" });
    } finally {
      this.lookupRequest = lookupRequest;
    }
    return await answer;
  };
}

/** The answer in the shape of kafkajs's own. Answers by id name no topic; a consumer here has one, whose name is given. */
async function decodeResponse(
  { createErrorFromCode }: FetchProtocol,
  version: number,
  bytes: Uint8Array,
  name: string,
): Promise<unknown> {
  const isById = version >= fetchApi.apiVersion;
  // A newer answer starts with the tagged fields of its head, of which there are none.
  const body = isById ? bytes.subarray(1) : bytes;
  const { throttleTime, errorCode, sessionId, topics } = readFetchResponse(version, body);
  // kafkajs only looks at those of partitions. What fails as a whole is answered without any by ids.
  if (errorCode !== 0) throw createErrorFromCode(codeFor(errorCode));
  // From version 8 on the broker leaves it to the client to wait.
  const throttled = version >= 8
    ? { throttleTime: 0, clientSideThrottleTime: throttleTime }
    : { throttleTime };
  const responses = topics.map(async ({ topic, partitions }) => ({
    topicName: isById ? name : topic,
    partitions: await Promise.all(partitions.map(decodePartition)),
  }));
  return { ...throttled, errorCode, sessionId, responses: await Promise.all(responses) };
}

/** The error as kafkajs knows it. */
function codeFor(errorCode: number): number {
  return anotherTopic.includes(errorCode) ? unknownTopic : errorCode;
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
    errorCode: codeFor(errorCode),
    highWatermark: String(highWatermark),
    lastStableOffset: String(lastStableOffset),
    abortedTransactions: [],
    preferredReadReplica,
    messages,
  };
}
