import { RejectedRows } from "../errors.ts";
import { type Log, type Publisher, RecordTooLarge } from "../log/mod.ts";
import type { CassandraTable, TopicSink } from "../pipeline.ts";
import type { ProducedRecord } from "../record.ts";
import { CellEncoder } from "../sinks/cell_encoder.ts";
import type { Tables } from "../sinks/mod.ts";
import type { HeldStream } from "../warehouse/outbox.ts";
import type { ResultRow, StreamDelivery } from "./outbox_relay.ts";

/** Where a result goes that its sink will not take for what it holds. */
export type Refuse = (sequence: number, row: ResultRow, error: unknown) => Promise<void>;

/** Makes a record of a row of the outbox. */
export type RecordOf = (row: ResultRow) => ProducedRecord;

/** Encodes results with a topic's own codec and key. */
export function encodedBy({ key: keyOf, codec }: TopicSink<never>): RecordOf {
  const utf8 = new TextEncoder();
  return (row) => {
    const key = keyOf!(row as never);
    return {
      key: key === null ? null : utf8.encode(key),
      value: codec!.encode(row as never),
      headers: [],
    };
  };
}

interface Numbered {
  readonly sequence: number;
  readonly row: ResultRow;
}

/**
 * To a topic: each batch is a transaction that also moves a cursor to the number of its last row, so that a reader of
 * committed records sees every row once, in order for each key. Whoever opens the stream fences the one before.
 */
export class TopicDelivery implements StreamDelivery {
  readonly #log: Pick<Log, "publisher" | "offsets">;
  readonly #sink: TopicSink<never>;
  readonly #stream: string;
  readonly #recordOf: RecordOf;
  readonly #refuse: Refuse;
  #publisher: Publisher | undefined;
  #group = "";

  constructor(
    log: Pick<Log, "publisher" | "offsets">,
    sink: TopicSink<never>,
    stream: string,
    recordOf: RecordOf,
    refuse: Refuse,
  ) {
    this.#log = log;
    this.#recordOf = recordOf;
    this.#sink = sink;
    this.#stream = stream;
    this.#refuse = refuse;
  }

  open({ createdAt }: HeldStream): Promise<number> {
    // The cursor of a stream that was made anew is another one, since its numbers are.
    this.#group = `${this.#stream}.${createdAt}`;
    return this.#open();
  }

  async deliver(rows: readonly Numbered[]): Promise<void> {
    const records: { sequence: number; row: ResultRow; record: ProducedRecord }[] = [];
    for (const { sequence, row } of rows) {
      try {
        records.push({ sequence, row, record: this.#recordOf(row) });
      } catch (error) {
        await this.#refuse(sequence, row, error);
      }
    }
    const last = rows.at(-1)!.sequence;
    try {
      await this.#publish(records.map(({ record }) => record), last);
    } catch (error) {
      if (!(error instanceof RecordTooLarge) || records.length === 0) throw error;
      await this.#oneByOne(records, last);
    }
  }

  async close(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    await publisher?.close();
  }

  async #open(): Promise<number> {
    this.#publisher = this.#log.publisher(this.#stream);
    await this.#publisher.open();
    const offsets = await this.#log.offsets(this.#sink.name, this.#group);
    return offsets.find(({ partition }) => partition === 0)?.committed ?? 0;
  }

  /** Finds what is too large. After an error the publisher is spent, and the next one says where to go on. */
  async #oneByOne(
    records: readonly { sequence: number; row: ResultRow; record: ProducedRecord }[],
    last: number,
  ): Promise<void> {
    let published = await this.#open();
    for (const { sequence, row, record } of records) {
      if (sequence <= published) continue;
      try {
        await this.#publish([record], sequence);
      } catch (error) {
        if (!(error instanceof RecordTooLarge)) throw error;
        await this.#refuse(sequence, row, error);
        published = await this.#open();
      }
    }
    if (published < last) await this.#publish([], last);
  }

  async #publish(records: readonly ProducedRecord[], sequence: number): Promise<void> {
    const topic = this.#sink.name;
    try {
      await this.#publisher!.publish({
        records: records.map((record) => ({ topic, record })),
        cursors: [{ group: this.#group, topic, partition: 0, offset: sequence }],
      });
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}

/**
 * To Cassandra: a row's write timestamp is that of the stream's making and its number in µs, which is about when its
 * transaction was. So of several results of a key the latest wins, in whatever order and however often they are written.
 */
export class TableDelivery implements StreamDelivery {
  readonly #tables: Pick<Tables, "write">;
  readonly #table: CassandraTable<never>;
  readonly #refuse: Refuse;
  #base = 0;

  constructor(tables: Pick<Tables, "write">, table: CassandraTable<never>, refuse: Refuse) {
    this.#tables = tables;
    this.#table = table;
    this.#refuse = refuse;
  }

  open({ createdAt }: HeldStream): Promise<number> {
    this.#base = createdAt;
    return Promise.resolve(0);
  }

  async deliver(rows: readonly Numbered[]): Promise<void> {
    const encoder = new CellEncoder(this.#table.columns, this.#table.key);
    const encoded: Numbered[] = [];
    for (const { sequence, row } of rows) {
      try {
        encoder.add(row, this.#base + sequence);
        encoded.push({ sequence, row });
      } catch (error) {
        await this.#refuse(sequence, row, error);
      }
    }
    if (encoded.length === 0) return;
    try {
      await this.#tables.write(this.#table, encoder.finish());
    } catch (error) {
      if (!(error instanceof RejectedRows)) throw error;
      for (const [i, index] of error.rows.entries()) {
        const { sequence, row } = encoded[index]!;
        await this.#refuse(sequence, row, new Error(error.reasons[i] ?? error.message));
      }
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
