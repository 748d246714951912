import type { Log, PartitionOffsets, Publication, Publisher } from "../log/mod.ts";
import type { ProducedRecord } from "../record.ts";

/** Topics in memory, for what a pipeline writes: records in the order of writing. */
export class MemoryLog implements Pick<Log, "produce" | "publisher" | "offsets"> {
  readonly #topics = new Map<string, ProducedRecord[]>();
  readonly #cursors = new Map<string, number>();

  /** What was written to a topic. */
  records(topic: string): readonly ProducedRecord[] {
    return this.#topics.get(topic) ?? [];
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
