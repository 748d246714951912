/** A request to fetch from a topic by its id, which kafkajs 2.2.4 does not have. */
import { Buffer } from "node:buffer";
import type { Encoder } from "./kafka_requests.ts";

/** The first version that asks by ids: Kafka 3.1. */
export const fetchApi = { apiKey: 1, apiName: "Fetch", apiVersion: 13 };

/** What kafkajs asks for. */
export interface FetchOptions {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

/** A request as kafkajs sends it. */
export interface FetchRequest {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly encode: () => Promise<unknown>;
}

/** In the place of a number: not a replica, no such epoch or offset is known, no session of fetches. */
const none = -1;

/** @param topicId Of the one topic that all partitions are of. */
export function fetchById(options: FetchOptions, topicId: string, encoder: () => Encoder): FetchRequest {
  const id = Buffer.from(topicId, "base64url");
  // deno-lint-ignore require-await -- kafkajs's
  const encode = async () => {
    const { maxWaitTime, minBytes, maxBytes, isolationLevel, topics } = options;
    // Ends the head of the request, too; each part ends with tagged fields, of which there are none.
    const request = encoder().writeUVarInt(0);
    request.writeInt32(none).writeInt32(maxWaitTime).writeInt32(minBytes).writeInt32(maxBytes);
    request.writeInt8(isolationLevel).writeInt32(0).writeInt32(none);
    request.writeUVarInt(topics.length + 1);
    for (const { partitions } of topics) {
      request.writeBuffer(id).writeUVarInt(partitions.length + 1);
      for (const { partition, fetchOffset, maxBytes } of partitions) {
        request.writeInt32(partition).writeInt32(none).writeInt64(fetchOffset).writeInt32(none).writeInt64(
          none,
        );
        request.writeInt32(maxBytes).writeUVarInt(0);
      }
      request.writeUVarInt(0);
    }
    // No topics are to be forgotten, and the rack is not told.
    return request.writeUVarInt(0 + 1).writeUVarIntString("").writeUVarInt(0);
  };
  return { ...fetchApi, encode };
}
