/**
 * The port of topics: a durable log of partitions that producers append to and consumer groups read.
 *
 * Every adapter keeps these promises, and `tests/contract/log_suite.ts` holds them to it:
 * - `produce` resolves when the records are durable (Kafka: acks=all, idempotent). Records of one key go to one
 *   partition, by Kafka's own hash (murmur2), in the order given. When it throws, some may have been written.
 * - A consumer sees the records of a partition in offset order, each once, from the position it was given.
 * - Nothing is fetched of a topic that was made anew, by the same name, before `assigned` was called for it (except by
 *   kafkajs from brokers before 3.1).
 * - `ConsumerListener.fetched` is never awaited: reading goes on, and so do heartbeats, whatever becomes of the
 *   records. `pause` is how a reader says that it has enough.
 * - Nothing is committed but by `commit` and by a publisher; a commit never moves what is read.
 * - A publisher's `publish` is all or nothing to those who read committed records only, as this port's consumers do:
 *   the records and the cursors are there together, or none of them. Records of one topic and key keep their order.
 * - `open` is a fence: when it has resolved, what earlier publishers of the id began is done or undone as a whole, so
 *   that cursors read from then on (`offsets`) are final, which they are not right after a `publish`; and whatever they try afterwards throws `Fenced`.
 * - When `open` or `publish` throws anything else, the outcome is unknown. After any error the publisher is spent:
 *   close it, open another with the same id, read the cursors, and go on from there.
 */
import type { Batch, Offset, ProducedRecord } from "../record.ts";

export interface Log {
  readonly kind: "kafka" | "embedded";

  /** Makes a topic unless it is there. An existing topic is left as it is. */
  createTopic(topic: string, options: TopicSettings): Promise<void>;

  /** Appends records, and resolves when they are durable. */
  produce(topic: string, records: readonly ProducedRecord[]): Promise<void>;

  /** A member-to-be of a consumer group, for one topic. */
  consumer(topic: string, group: string): LogConsumer;

  /**
   * The topic's id, as it is now: one that was deleted and made anew has another id, however alike it looks. Undefined
   * when the service knows none (Kafka before 2.8).
   */
  topicId(topic: string): Promise<string | undefined>;

  /**
   * Of every partition, or of those given: where it starts and ends, and what the group has committed; read in this order:
   * committed, end. While a publisher moves the group in one of these partitions, it waits; after some seconds it throws.
   */
  offsets(topic: string, group: string, partitions?: readonly number[]): Promise<PartitionOffsets[]>;

  /**
   * Of every partition: the first offset whose record has this timestamp (ms since 1970) or a later one; its end when
   * there is none.
   */
  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, Offset>>;

  /**
   * Publishes on behalf of an id, of which only the last one opened may. Nothing happens before `open`. Ids are kept by
   * the broker: use few, and the same ones again.
   */
  publisher(id: string): Publisher;

  /** The service's state for people: how many brokers there are, or the file. Throws when it cannot be reached. */
  describe(): Promise<LogDescription>;

  close(): Promise<void>;
}

export interface TopicSettings {
  readonly partitions: number;
  /** Topics whose largest records this one must be able to take, as a dead-letter topic must; absent ones do not count. */
  readonly asLargeAs?: readonly string[];
}

export interface PartitionOffsets {
  readonly partition: number;
  /** The first offset that is still there. */
  readonly earliest: Offset;
  /** The offset that the next record will get. */
  readonly end: Offset;
  /** What the group has committed; null when it never has. */
  readonly committed: Offset | null;
}

export interface LogDescription {
  /** One line for people, without secrets: `3 brokers at a:9092,b:9092`. */
  readonly detail: string;
  readonly brokers: number;
}

/** What a consumer tells its owner. The methods must return at once, but for `assigned`. */
export interface ConsumerListener {
  /**
   * The partitions that this consumer has from now on: all of them, so that those not named are lost. Nothing is
   * fetched from any of them until the promise gives each one's position; if the assignment changes before that,
   * the answer is ignored. When it rejects, the consumer reports the error by `failed` and rejoins after a pause.
   * Earlier pauses are forgotten; `pause` and `seek` may be called from here on.
   */
  assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, Offset>>;

  /** Records have come in. */
  fetched(batch: Batch): void;

  /** Something went wrong that the consumer is trying to get over by itself. Called again for each attempt. */
  failed(error: unknown): void;
}

export interface LogConsumer {
  /** Joins the group and reads until `stop`. Resolves once joining is under way. */
  start(listener: ConsumerListener): Promise<void>;

  /** Reads on from another position. Batches fetched before may still arrive: check their `from`. */
  seek(partition: number, offset: Offset): void;

  /** Stops fetching from a partition until `resume`; at most what a fetch under way brings still arrives. */
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;

  /** Tells the group's position, for lag tools to see. */
  commit(positions: ReadonlyMap<number, Offset>): Promise<void>;

  /** Leaves the group and joins it anew, so that every member is assigned again. */
  rejoin(): Promise<void>;

  /** Leaves the group. No listener is called after it resolves. */
  stop(): Promise<void>;
}

/** Appends records together with the position in their source that they bring about. Calls must not overlap. */
export interface Publisher {
  /** Takes the id over from any earlier publisher. To be called once, first. */
  open(): Promise<void>;

  /**
   * Appends all records and moves all cursors, or does neither.
   *
   * @throws {Fenced} when a later publisher has the id, or the broker took the id away since a transaction took too long.
   * @throws {RecordTooLarge} when a topic does not take one of the records; nothing is published.
   */
  publish(publication: Publication): Promise<void>;

  close(): Promise<void>;
}

export interface Publication {
  /** In order within each topic; may be empty, to move cursors only. */
  readonly records: readonly { readonly topic: string; readonly record: ProducedRecord }[];
  /** One at least, since an unknown outcome is settled by reading them. */
  readonly cursors: readonly Cursor[];
}

/**
 * A position that moves with what is published: the committed offset of a group that has no members, read by
 * `offsets(topic, group)`. Kafka forgets it when it was not moved for `offsets.retention.minutes`, a week by default.
 */
export interface Cursor {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
}

/** A record is larger than the topic takes. Trying again will not help; a smaller record may do. */
export class RecordTooLarge extends Error {
  override readonly name = "RecordTooLarge";
  constructor(message: string, readonly record: ProducedRecord, options?: ErrorOptions) {
    super(message, options);
  }

  /** `bytes` are about what the record takes. */
  static forTopic(topic: string, bytes: number, record: ProducedRecord, cause: unknown): RecordTooLarge {
    const message = `A record of about ${bytes} bytes is larger than topic "${topic}" takes; ` +
      "raise the topic's max.message.bytes";
    return new RecordTooLarge(message, record, { cause });
  }
}
