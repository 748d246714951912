/**
 * A worker's end of a pipeline: one collector per output takes the rows of one record after the other and makes of
 * them what the writer sends. A record is all or nothing over all outputs, so a collector can take back what the current
 * record gave it.
 */
import type { ColumnSpec } from "../columns.ts";
import type { StateKey } from "../operators/map_with_state.ts";
import { atOnce, type RecordContext } from "../operators/mod.ts";
import { keyText } from "../operators/state.ts";
import {
  aggregateOf,
  type CassandraTable,
  type Pipeline,
  type PostgresTable,
  type TopicSink,
} from "../pipeline.ts";
import type { Output } from "../stream.ts";
import { shown } from "../shown.ts";
import { CellEncoder } from "../sinks/cell_encoder.ts";
import { CopyEncoder } from "../warehouse/copy_text.ts";
import { Aggregator } from "./aggregator.ts";
import type { CurrentRecord } from "./current_record.ts";
import { type PackableRecord, packRecords } from "../packed_records.ts";
import { type Times, timesHeader } from "./carried_times.ts";
import { isPassing, passedColumns } from "./passing.ts";
import type { KeyTypes, OutputRows } from "./protocol.ts";

export interface Collector {
  /** Starts a task; an aggregate's key types are given once its table has them. */
  begin(keyTypes: KeyTypes | null): void;
  /** Starts a record. */
  mark(): void;
  /** Takes a row of the record; false when it came too late for it. Throws what is wrong with one that can't be written. */
  add(row: never, record: CurrentRecord): boolean;
  /** Ends the record: its rows stay. */
  keep(): void;
  /** Ends the record: its rows go. */
  drop(): void;
  /** What was collected since the last call. */
  finish(): OutputRows;
}

export function collectorFor(plan: Pipeline, output: Output): Collector {
  const { sink } = output;
  const aggregate = aggregateOf(plan, output);
  if (aggregate) return new GroupCollector(new Aggregator(aggregate.spec));
  if (sink.kind === "cassandra") return new CellCollector(sink as CassandraTable<never>);
  if (isPassing(plan, output)) return new PassingCollector(sink as TopicSink<never>);
  if (sink.kind === "topic") return new TopicCollector(sink as TopicSink<never>);
  return new CopyCollector((sink as PostgresTable<never>).columns);
}

class CellCollector implements Collector {
  readonly #encoder: CellEncoder;
  #sources: number[] = [];

  constructor(sink: CassandraTable<never>) {
    this.#encoder = new CellEncoder(sink.columns, sink.key);
  }

  begin(): void {}

  mark(): void {
    this.#encoder.mark();
  }

  add(row: never, record: CurrentRecord): boolean {
    this.#encoder.add(row, record.nextWriteTime());
    this.#sources.push(record.index);
    return true;
  }

  keep(): void {}

  drop(): void {
    this.#encoder.rollback();
    this.#sources.length = this.#encoder.count;
  }

  finish(): OutputRows {
    const sources = Uint32Array.from(this.#sources);
    this.#sources = [];
    return { kind: "cells", rows: this.#encoder.finish(), sources };
  }
}

class CopyCollector implements Collector {
  readonly #encoder: CopyEncoder;
  #sources: number[] = [];

  constructor(columns: readonly ColumnSpec[]) {
    this.#encoder = new CopyEncoder(columns);
  }

  begin(): void {}

  mark(): void {
    this.#encoder.mark();
  }

  add(row: Readonly<Record<string, unknown>>, record: CurrentRecord): boolean {
    this.#encoder.add(row);
    this.#sources.push(record.index);
    return true;
  }

  keep(): void {}

  drop(): void {
    this.#encoder.rollback();
    this.#sources.length = this.#encoder.count;
  }

  finish(): OutputRows {
    const sources = Uint32Array.from(this.#sources);
    this.#sources = [];
    return { kind: "copy", chunk: this.#encoder.finish(), sources };
  }
}

/** Records for the outbox. */
class PassingCollector extends CopyCollector {
  readonly #record: (row: never, record: CurrentRecord) => TopicRecord;

  constructor(sink: TopicSink<never>) {
    super(passedColumns);
    this.#record = recordOf(sink);
  }

  override add(row: Readonly<Record<string, unknown>>, record: CurrentRecord): boolean {
    const { eventTime: event_time, ...rest } = this.#record(row as never, record);
    return super.add({ ...rest, event_time }, record);
  }
}

class GroupCollector implements Collector {
  readonly #aggregator: Aggregator;

  constructor(aggregator: Aggregator) {
    this.#aggregator = aggregator;
  }

  begin(keyTypes: KeyTypes | null): void {
    this.#aggregator.begin(keyTypes);
  }

  mark(): void {}

  add(row: never, record: CurrentRecord): boolean {
    return this.#aggregator.add(row, record);
  }

  keep(): void {
    this.#aggregator.keep();
  }

  drop(): void {
    this.#aggregator.drop();
  }

  finish(): OutputRows {
    return this.#aggregator.finish();
  }
}

class TopicCollector implements Collector {
  readonly #record: (row: never, record: CurrentRecord) => TopicRecord;
  #records: PackableRecord[] = [];
  #sources: number[] = [];
  /** The pipeline's group, when the records are to carry it and their times. */
  readonly #group: string | undefined;
  #mark = 0;

  constructor(sink: TopicSink<never>) {
    this.#record = recordOf(sink);
    this.#group = sink.repartition?.group;
  }

  begin(): void {}

  mark(): void {
    this.#mark = this.#records.length;
  }

  add(row: never, record: CurrentRecord): boolean {
    const { key, value, ...times } = this.#record(row, record);
    this.#records.push(
      this.#group === undefined
        ? { key, value, headers: [], timestamp: times.timestamp }
        : { key, value, headers: [timesHeader(times, this.#group)] },
    );
    this.#sources.push(record.index);
    return true;
  }

  keep(): void {}

  drop(): void {
    this.#records.length = this.#mark;
    this.#sources.length = this.#mark;
  }

  finish(): OutputRows {
    const rows: OutputRows = {
      kind: "records",
      records: packRecords(this.#records),
      sources: Uint32Array.from(this.#sources),
    };
    this.#records = [];
    this.#sources = [];
    return rows;
  }
}

/** A record of a topic, but for the headers. */
interface TopicRecord extends Times {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** Makes records of a topic's rows; they take over the times of the records that they come from. */
function recordOf(sink: TopicSink<never>): (row: never, record: CurrentRecord) => TopicRecord {
  const utf8 = new TextEncoder();
  const { codec, repartition } = sink;
  const keyOf = repartition
    ? (row: never, context: RecordContext) => recordKey(atOnce(repartition.key(row, context)))
    : (row: never) => givenKey(atOnce(sink.key!(row)));
  return (row, { context }) => {
    const key = keyOf(row, context);
    return {
      key: key === null ? null : utf8.encode(key),
      value: codec!.encode(row),
      timestamp: Math.max(0, context.timestamp),
      eventTime: context.eventTime,
    };
  };
}

function givenKey(key: string | null): string | null {
  if (typeof key === "string" || key === null) return key;
  throw new TypeError(`the key is ${shown(key)}; it must be text, or null for none`);
}

/** Text is a key as it is, as other programs would have it. */
function recordKey(key: StateKey): string {
  const text = keyText(key);
  return typeof key === "string" ? key : text;
}
