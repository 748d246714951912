/**
 * A position in a partition. Kafka's offsets are 64-bit; a double counts exactly up to 2^53, which a partition
 * that takes a million records a second reaches after 285 years.
 */
export type Offset = number;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A header as Kafka stores it: the key is text, the value any bytes or null. */
export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record as it was read from one partition of a topic. */
export interface SourceRecord {
  readonly offset: Offset;
  /** Milliseconds since 1970, as the producer or the broker stamped it. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** A record to be written. Without `partition` the key's hash decides; without a key they are spread. */
export interface ProducedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since 1970. Default: the time of writing. */
  readonly timestamp?: number;
  readonly partition?: number;
}

/** Records in one buffer that can be handed to another thread; `packed_records.ts` reads and makes it. */
export interface PackedRecords {
  readonly count: number;
  readonly buffer: ArrayBuffer;
}

/**
 * What one fetch brought from one partition. `records` may be empty, when all that was there were control
 * records or compacted away: the position still moves on to `next`.
 */
export interface Batch {
  readonly partition: number;
  /** The offset that was asked for; the first record's may be greater. */
  readonly from: Offset;
  /** The offset to read from next. */
  readonly next: Offset;
  /** In the order of their offsets. */
  readonly records: PackedRecords;
}
