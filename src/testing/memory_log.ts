import type { Log, PartitionOffsets, Publication, Publisher } from "../log/mod.ts";
import type { ProducedRecord } from "../record.ts";

/** Topics in memory, for what a pipeline writes: records in the order of writing. */
export class MemoryLog implements Pick<Log, "produce" | "publisher" | "offsets"> {
  readonly #topics = new Map<string, ProducedRecord[]>();
  /** When each record was written, in numbers that rise over all topics. */
  readonly #turns = new WeakMap<ProducedRecord, number>();
  #turn = 0;
  readonly #cursors = new Map<string, number>();

  /** What was written to a topic. */
  records(topic: string): readonly ProducedRecord[] {
    return this.#topics.get(topic) ?? [];
  }

  /** What was written to some topics, in order over all of them. */
  recordsOf(topics: Iterable<string>): readonly ProducedRecord[] {
    const records = [...topics].flatMap((topic) => this.records(topic));
    return records.sort((a, b) => this.#turns.get(a)! - this.#turns.get(b)!);
  }

  /** Takes back all that was written since; to be called at most once. */
  mark(): () => void {
    const lengths = new Map([...this.#topics].map(([topic, records]) => [topic, records.length]));
    return () => {
      for (const [topic, records] of this.#topics) records.length = lengths.get(topic) ?? 0;
    };
  }

  produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    this.#topics.set(topic, [...this.records(topic), ...records]);
    for (const record of records) this.#turns.set(record, this.#turn++);
    return Promise.resolve();
  }

  publisher(): Publisher {
    return {
      open: () => Promise.resolve(),
      publish: async ({ records, cursors }: Publication) => {
        for (const { topic, record } of records) await this.produce(topic, [record]);
        for (const { topic, group, offset } of cursors) this.#cursors.set(`${topic} ${group}`, offset);
      },
      close: () => Promise.resolve(),
    };
  }

  offsets(topic: string, group: string): Promise<PartitionOffsets[]> {
    const committed = this.#cursors.get(`${topic} ${group}`) ?? null;
    return Promise.resolve([{ partition: 0, earliest: 0, end: this.records(topic).length, committed }]);
  }
}
