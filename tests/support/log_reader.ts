import type { ConsumerListener, LogConsumer } from "../../src/log/mod.ts";
import type { Batch, Offset, SourceRecord } from "../../src/record.ts";
import { unpacked } from "./unpacked.ts";

/** Milliseconds after which a condition that does not come true fails the test. */
const patience = 30_000;

/**
 * The owner of a consumer, as the runtime is one: takes only batches that go on where the last one ended, and seeks
 * back otherwise. It keeps all that it is told, and waits for conditions on that.
 */
export class LogReader implements ConsumerListener {
  readonly assignments: (readonly number[])[] = [];
  readonly batches: Batch[] = [];
  readonly failures: unknown[] = [];
  /** The next offset of each partition that this reader has. */
  readonly positions = new Map<number, Offset>();
  /** Where partitions start that have no position yet. Default: 0. */
  startAt: (partition: number) => Offset | Promise<Offset> = () => 0;
  /** Called with each batch that was taken. */
  taken: (batch: Batch) => void = () => {};
  #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  constructor(readonly consumer: LogConsumer) {}

  async assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, Offset>> {
    this.assignments.push(partitions);
    this.#check();
    const start = await Promise.all(
      partitions.map(async (partition) =>
        [partition, this.positions.get(partition) ?? await this.startAt(partition)] as const
      ),
    );
    this.positions.clear();
    for (const [partition, offset] of start) this.positions.set(partition, offset);
    this.#check();
    return this.positions;
  }

  fetched(batch: Batch): void {
    const expected = this.positions.get(batch.partition);
    if (expected === undefined) return;
    if (batch.from !== expected) return this.consumer.seek(batch.partition, expected);
    this.positions.set(batch.partition, batch.next);
    this.batches.push(batch);
    this.taken(batch);
    this.#check();
  }

  failed(error: unknown): void {
    this.failures.push(error);
    this.#check();
  }

  /** Reads on from another position, and forgets what was read. */
  seek(partition: number, offset: Offset): void {
    this.batches.length = 0;
    this.positions.set(partition, offset);
    this.consumer.seek(partition, offset);
  }

  /** What was read: of one partition, or of all. */
  records(partition?: number): SourceRecord[] {
    return this.batches.filter((batch) => partition === undefined || batch.partition === partition)
      .flatMap((batch) => unpacked(batch.records));
  }

  /** The values of what was read, as text. */
  values(partition?: number): (string | null)[] {
    return this.records(partition).map(({ value }) => value && new TextDecoder().decode(value));
  }

  /** Waits until the condition is true; it is looked at whenever the consumer tells something. */
  async until(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { condition, resolve };
    this.#waiting.push(waiting);
    const timer = setTimeout(() => {
      const state = {
        assignments: this.assignments,
        positions: [...this.positions],
        failures: this.failures.map(String),
      };
      reject(new Error(`waited in vain until ${what}: ${JSON.stringify(state)}`));
    }, patience);
    await promise.finally(() => clearTimeout(timer));
  }

  #check(): void {
    const done = this.#waiting.filter(({ condition }) => condition());
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting));
    for (const { resolve } of done) resolve();
  }
}
