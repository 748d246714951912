import { Fenced } from "../errors.ts";
import { type Publisher, RecordTooLarge } from "../log/mod.ts";
import type { Pipeline, TopicSink } from "../pipeline.ts";
import type { Offset, ProducedRecord } from "../record.ts";
import type { SourceName } from "../warehouse/mod.ts";
import type { Refusal } from "./protocol.ts";
import { pause, pauseAfter, serviceBackoff } from "./retry.ts";
import { type CursorServices, settleCursors } from "./reset_cursors.ts";
import type { SinkMeter } from "./sink_meter.ts";
import { cursorAt, isPublished, publishedTopics, publisherId } from "./topic_cursor.ts";

/** What a stretch of a source partition gave to the output topics. */
export interface Publishable {
  /** The stretch: from an offset on, up to and without another. */
  readonly from: Offset;
  readonly next: Offset;
  readonly records: readonly PublishableRecord[];
  /** The memory that is held for it. */
  readonly bytes: number;
}

export interface PublishableRecord {
  /** The index of the output. */
  readonly output: number;
  /** The offset of the record that it was made of. */
  readonly offset: Offset;
  readonly record: ProducedRecord;
}

export interface PublishingOptions extends CursorServices {
  readonly plan: Pipeline;
  readonly source: SourceName;
  /** One per output, in order. */
  readonly meters: readonly SinkMeter[];
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** The topics have more of a partition than before, and memory was given free. */
  readonly published: (partition: number) => void;
  /** A topic will not take what this record gave: the record has to come by again, as a dead letter. */
  readonly refused: (partition: number, refusal: Refusal) => void;
  /** Another has taken over, or has set the cursors: the partition has to start over, if it is this process's still. */
  readonly fenced: (partition: number, reason: string) => void;
}

/** Bytes that wait, of which the outputs go into one transaction: more would only hold up those who read them. */
const maxTransactionBytes = 8 * 1024 * 1024;

/**
 * Publishes what one source partition gives to the output topics, in order and one transaction at a time, each with all
 * that waits. Every transaction moves the topics' cursors, so that a record's outputs and the position after it are there
 * together. After an error the outcome is unknown: another publisher takes over the id, and the cursors tell.
 *
 *     opened -> publishing -ok--------------> opened
 *        ^         | too large -------------> the record is refused, what follows comes by again
 *        |         | fenced, or set back ---> waits until the lane has asked the warehouse who owns the partition
 *        |_________| anything else: take over again, drop what the cursors have passed
 */
export class PartitionPublisher {
  readonly #options: PublishingOptions;
  readonly #partition: number;
  readonly #topics: readonly string[];
  readonly #stopped = new AbortController();
  #publisher: Publisher | undefined;
  #queue: Publishable[] = [];
  /** Of each topic: the offset before which all is published. */
  readonly #cursors = new Map<string, Offset>();
  /** Of each topic: the offset before which all is published or queued. */
  readonly #tails = new Map<string, Offset>();
  #running: Promise<void> | undefined;
  #held = false;
  #movedAt: number;
  /** What waits is of records that were read after this reset. */
  #reset: string | undefined;

  /**
   * Opens with cursors that were read after `publisher` was opened.
   *
   * @param reset The id of the partition's last reset, as it was then.
   */
  constructor(
    options: PublishingOptions,
    partition: number,
    publisher: Publisher,
    cursors: ReadonlyMap<string, Offset>,
    reset?: string,
  ) {
    this.#options = options;
    this.#partition = partition;
    this.#reset = reset;
    this.#publisher = publisher;
    this.#topics = publishedTopics(options.plan);
    this.#movedAt = options.now();
    this.#place(cursors);
    options.signal.addEventListener("abort", () => this.#stopped.abort(), { signal: this.#stopped.signal });
  }

  /** Bytes of what waits. */
  get heldBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** The offset before which all is in all topics. */
  get published(): Offset {
    return Math.min(...this.#cursors.values());
  }

  /** The offset from which on records are still to be given to one topic at least. */
  get position(): Offset {
    return Math.min(...this.#tails.values());
  }

  /** The offset from which on records are to be given to all topics. */
  get furthest(): Offset {
    return Math.max(...this.#tails.values());
  }

  /** The offset before which all is in a topic; undefined for one that is not published to. */
  cursorOf(topic: string): Offset | undefined {
    return this.#cursors.get(topic);
  }

  /** For each output, the offset of the first record that it is to get; null for those that are not published. */
  get starts(): (Offset | null)[] {
    const { plan } = this.#options;
    return plan.outputs.map(({ sink }, i) => isPublished(plan, i) ? this.#tails.get(sink.name)! : null);
  }

  /**
   * Queues what a stretch gave. What was given before is left out; a stretch that leaves a gap is dropped, since it will
   * come by again after what is missing.
   */
  add(stretch: Publishable): void {
    const { position } = this;
    if (this.#stopped.signal.aborted || stretch.from > position || stretch.next <= position) return;
    const records = stretch.records.filter((each) => each.offset >= this.#tails.get(this.#topicOf(each))!);
    this.#queue.push({ ...stretch, records });
    for (const [topic, tail] of this.#tails) this.#tails.set(topic, Math.max(tail, stretch.next));
    this.#wake();
  }

  /** The partition is this process's still, and has started over from `position`. */
  resume(): void {
    this.#held = false;
    this.#wake();
  }

  /** Moves the cursors to where they are, lest the log forgets them, unless they moved after `since` (ms). */
  refresh(since: number): void {
    if (!this.isIdle || this.#movedAt > since) return;
    const { position } = this;
    this.#queue.push({ from: position, next: position, records: [], bytes: 0 });
    this.#wake();
  }

  /** Publishes nothing more; what waits is for the next owner. */
  async close(): Promise<void> {
    this.#stopped.abort();
    this.#queue = [];
    await Promise.all([this.#publisher?.close(), this.#running]);
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (!this.isIdle && !this.#held && !this.#stopped.signal.aborted) this.#wake();
    });
  }

  async #run(): Promise<void> {
    const { now } = this.#options;
    const { signal } = this.#stopped;
    const meters = this.#options.meters.filter((_, i) => isPublished(this.#options.plan, i));
    const write = {};
    let start = now();
    for (let failures = 0; !this.isIdle && !this.#held && !signal.aborted;) {
      try {
        await this.#publish();
        failures = 0;
        for (const meter of meters) {
          meter.settled(write);
          meter.took(now() - start, now());
        }
        start = now();
      } catch (error) {
        this.#publisher?.close().catch(() => {});
        this.#publisher = undefined;
        if (signal.aborted) break;
        if (error instanceof RecordTooLarge) this.#refuse(error);
        else if (error instanceof Fenced) this.#hold(error.message);
        else {
          for (const meter of meters) meter.failed(write, error);
          await pause(pauseAfter(++failures, serviceBackoff), signal);
        }
      }
    }
    for (const meter of meters) meter.settled(write);
  }

  async #publish(): Promise<void> {
    if (!this.#publisher) await this.#reopen();
    const taken = this.#take();
    if (taken.length === 0) return;
    const records = taken.flatMap((stretch) => stretch.records)
      .filter((each) => each.offset >= this.#cursors.get(this.#topicOf(each))!);
    const next = taken.at(-1)!.next;
    const cursors = new Map(
      Array.from(this.#cursors, ([topic, cursor]) => [topic, Math.max(cursor, next)] as const),
    );
    await this.#publisher!.publish({
      records: records.map((each) => ({ topic: this.#topicOf(each), record: each.record })),
      cursors: Array.from(
        cursors,
        ([topic, offset]) => cursorAt(this.#options.source, topic, this.#partition, offset),
      ),
    });
    for (const [topic, cursor] of cursors) this.#cursors.set(topic, cursor);
    this.#movedAt = this.#options.now();
    for (const { output } of records) this.#options.meters[output]!.wrote(1);
    const gone = new Set(taken);
    this.#queue = this.#queue.filter((stretch) => !gone.has(stretch));
    this.#options.published(this.#partition);
  }

  #take(): Publishable[] {
    let bytes = 0;
    const end = this.#queue.findIndex((stretch, i) =>
      (bytes += stretch.bytes) > maxTransactionBytes && i > 0
    );
    return this.#queue.slice(0, end < 0 ? undefined : end);
  }

  /** Takes the id over again. The cursors tell what of the queue is published, unless it is of a time before a reset. */
  async #reopen(): Promise<void> {
    const { log, source } = this.#options;
    const publisher = this.#publisher = log.publisher(publisherId(source, this.#partition));
    await publisher.open();
    const opened = new Map([[this.#partition, publisher]]);
    const { cursors: read, resets } = await settleCursors(this.#options, source, this.#topics, opened);
    const cursors = new Map(
      Array.from(this.#cursors, ([topic, known]) => [topic, read.get(topic)?.get(this.#partition) ?? known]),
    );
    const reset = resets.get(this.#partition);
    const isBack = this.#topics.some((topic) => cursors.get(topic)! < this.#cursors.get(topic)!);
    if (isBack || reset !== this.#reset) {
      this.#reset = reset;
      this.#queue = [];
      this.#tails.clear();
      this.#place(cursors);
      return this.#hold("the cursors of its topics were set back");
    }
    this.#place(cursors);
    const { published } = this;
    this.#queue = this.#queue.filter(({ from, next }) => next > published || from === next);
    this.#options.published(this.#partition);
  }

  #place(cursors: ReadonlyMap<string, Offset>): void {
    for (const [topic, cursor] of cursors) {
      this.#cursors.set(topic, cursor);
      this.#tails.set(topic, Math.max(cursor, this.#tails.get(topic) ?? 0));
    }
  }

  #hold(reason: string): void {
    this.#held = true;
    this.#options.fenced(this.#partition, reason);
  }

  /** Keeps what is before the record; from there on all comes by again. */
  #refuse({ record, message }: RecordTooLarge): void {
    const { plan, refused } = this.#options;
    const found = this.#queue.flatMap((stretch) => stretch.records).find((each) => each.record === record);
    if (!found) throw new Error("a record was refused that was not published");
    const { offset, output } = found;
    const kept: Publishable[] = [];
    for (const stretch of this.#queue) {
      if (stretch.next <= offset) kept.push(stretch);
      else if (stretch.from < offset) {
        kept.push({
          ...stretch,
          next: offset,
          records: stretch.records.filter((each) => each.offset < offset),
        });
      }
    }
    this.#queue = kept;
    for (const [topic, cursor] of this.#cursors) this.#tails.set(topic, Math.max(cursor, offset));
    refused(this.#partition, { offset, stage: `write ${plan.outputs[output]!.sink.name}`, reason: message });
  }

  #topicOf({ output }: PublishableRecord): string {
    return (this.#options.plan.outputs[output]!.sink as TopicSink<never>).name;
  }
}
