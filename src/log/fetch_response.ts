/** A broker's answer to a fetch, API key 1 (https://kafka.apache.org/protocol#The_Messages_Fetch), versions 4 to 17. */
import type { AbortedTransaction, RecordSet } from "./record_set.ts";

export interface FetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly topics: readonly FetchedTopic[];
}

export interface FetchedTopic {
  /** Its name, or from version 13 on its id. */
  readonly topic: string;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly preferredReadReplica: number;
  /** Views on the answer's bytes. */
  readonly recordSet: RecordSet;
}

/** @throws {Error} when the broker only has an older version, or when the bytes end too soon. */
export function readFetchResponse(version: number, bytes: Uint8Array): FetchResponse {
  if (version < 4) throw new Error("brokers older than Kafka 0.11 cannot be read from");
  const reader = new Reader(bytes, version >= 12);
  const throttleTime = reader.int32();
  const errorCode = version >= 7 ? reader.int16() : 0;
  const sessionId = version >= 7 ? reader.int32() : 0;
  const topics = reader.array(() => {
    const topic = version >= 13 ? reader.uuid() : reader.string();
    const partitions = reader.array(() => readPartition(reader, version));
    reader.tags();
    return { topic, partitions };
  });
  reader.tags();
  return { throttleTime, errorCode, sessionId, topics };
}

function readPartition(reader: Reader, version: number): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  // Where the log starts, which is asked for by itself.
  if (version >= 5) reader.int64();
  const aborted = reader.array<AbortedTransaction>(() => {
    const transaction = { producerId: reader.int64(), firstOffset: Number(reader.int64()) };
    reader.tags();
    return transaction;
  });
  const preferredReadReplica = version >= 11 ? reader.int32() : -1;
  const recordSet = { bytes: reader.bytes(), aborted };
  reader.tags();
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    preferredReadReplica,
    recordSet,
  };
}

/** Reads Kafka's primitive types; in flexible versions lengths are varints of one more, and tagged fields follow. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #flexible: boolean;
  #at = 0;

  constructor(bytes: Uint8Array, flexible: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#flexible = flexible;
  }

  int16(): number {
    return this.#view.getInt16(this.#skip(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#skip(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#skip(8));
  }

  uuid(): string {
    const hex = this.#take(16).toHex();
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  string(): string {
    const length = this.#flexible ? this.#unsigned() - 1 : this.int16();
    return new TextDecoder().decode(this.#take(Math.max(0, length)));
  }

  /** None when they are null. */
  bytes(): Uint8Array {
    return this.#take(Math.max(0, this.#length()));
  }

  /** Empty when it is null. */
  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#length()) }, read);
  }

  /** Passes over the tagged fields, of which none matters here. */
  tags(): void {
    if (!this.#flexible) return;
    for (let left = this.#unsigned(); left > 0; left--) {
      this.#unsigned();
      this.#skip(this.#unsigned());
    }
  }

  #length(): number {
    return this.#flexible ? this.#unsigned() - 1 : this.int32();
  }

  #unsigned(): number {
    let value = 0;
    for (let weight = 1;; weight *= 0x80) {
      const byte = this.#view.getUint8(this.#skip(1));
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
    }
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, this.#at);
  }

  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("a broker's answer to a fetch ends too soon");
    return start;
  }
}
