import type { API, Consumer, Reader } from "@platformatic/kafka";
import { type FetchedPartition, readFetchResponse } from "./fetch_response.ts";
import type { Library } from "./platformatic_client.ts";

/** The library's own shape of an answer to a fetch, but for the records: these are as the broker sent them. */
export interface RecordSetsResponse {
  readonly responses: readonly {
    readonly topicId: string;
    readonly partitions: readonly RecordSetPartition[];
  }[];
}

export interface RecordSetPartition
  extends Pick<FetchedPartition, "errorCode" | "preferredReadReplica" | "recordSet"> {
  readonly partitionIndex: number;
  readonly records: null;
}

type FetchApi = API<unknown[], RecordSetsResponse>;

/** From here on in the versions of a fetch, fields are flexible. */
const firstFlexible = 12;

/**
 * Has a consumer's fetches bring whole record sets, as `RecordSetsResponse`: the library makes objects of each record, on
 * the main thread, and lets aborted records pass when their marker comes with a later fetch.
 */
export function fetchRecordSets(library: Library, consumer: Consumer): void {
  const apis = new Map<number, FetchApi>();
  const recordSetsApi = ({ key, version }: { key: number; version: number }): FetchApi => {
    const { createRequest } = library[`fetchV${version}` as "fetchV17"];
    const flexible = version >= firstFlexible;
    const parse = (_correlation: number, _key: number, _version: number, reader: Reader) =>
      parseResponse(library, key, version, reader);
    return library.createAPI(key, version, createRequest, parse, flexible, flexible);
  };
  const getApi = consumer[library.kGetApi];
  consumer[library.kGetApi] = (name, callback) => {
    getApi.call(consumer, name, (error, api) => {
      if (error || name !== "Fetch" || !api) return callback(error, api as never);
      let found = apis.get(api.version);
      if (!found) apis.set(api.version, found = recordSetsApi(api));
      callback(null, found as never);
    });
  };
}

/** @throws {ResponseError} as the library's own does, when there is an error in it. */
function parseResponse(library: Library, key: number, version: number, reader: Reader): RecordSetsResponse {
  const { throttleTime, errorCode, sessionId, topics } = readFetchResponse(
    version,
    reader.buffer.buffer.subarray(reader.position),
  );
  const errors: Record<string, [number, null]> = errorCode === 0 ? {} : { "": [errorCode, null] };
  const response = {
    throttleTimeMs: throttleTime,
    errorCode,
    sessionId,
    nodeEndpoints: [],
    responses: topics.map(({ topic, partitions }, i) => ({
      topicId: topic,
      partitions: partitions.map(({ partition, errorCode, preferredReadReplica, recordSet }, j) => {
        if (errorCode !== 0) errors[`/responses/${i}/partitions/${j}`] = [errorCode, null];
        return { partitionIndex: partition, errorCode, preferredReadReplica, recordSet, records: null };
      }),
    })),
  };
  if (Object.keys(errors).length > 0) throw new library.ResponseError(key, version, errors, response);
  return response;
}
