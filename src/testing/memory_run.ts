import { type Duration, milliseconds } from "../duration.ts";
import { aggregateOf, type CassandraTable, type Pipeline, type PostgresTable } from "../pipeline.ts";
import type { ProducerRun } from "../producers/mod.ts";
import { outboxTarget } from "../runtime/aggregate_table.ts";
import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { TableRow } from "./copy_rows.ts";
import { Dispatcher } from "./dispatcher.ts";
import { MemoryLog } from "./memory_log.ts";
import { MemoryTables } from "./memory_tables.ts";
import { MemoryWarehouse } from "./memory_warehouse.ts";
import { SourceTopic } from "./source_topic.ts";
import { TestReferences } from "./test_references.ts";
import type {
  SentRecord,
  TestCounts,
  TestDeadLetter,
  TestOptions,
  TestRecord,
  TestRun,
  WrittenRecord,
} from "./test_pipeline.ts";
import { readDeadLetter, readWritten } from "./written_records.ts";

/** A pipeline on stores in memory. */
export class MemoryRun<T> implements TestRun<T> {
  readonly #plan: Pipeline<T>;
  readonly #log = new MemoryLog();
  readonly #tables = new MemoryTables();
  readonly #warehouse = new MemoryWarehouse();
  readonly #source: SourceTopic<T>;
  readonly #references: TestReferences;
  readonly #dispatcher: Dispatcher;
  #now: number;

  private constructor(plan: Pipeline<T>, { now, partitions = 1, references = {} }: TestOptions) {
    this.#now = Number(now ?? Date.UTC(2026, 0, 1));
    if (!Number.isSafeInteger(this.#now)) {
      throw new TypeError(`testPipeline(): now is ${now}; give a Date, or milliseconds since 1970`);
    }
    this.#plan = plan;
    this.#source = new SourceTopic(plan.source, partitions);
    this.#references = new TestReferences(plan, references);
    this.#dispatcher = new Dispatcher({
      plan,
      partitions,
      services: { log: this.#log, tables: this.#tables, warehouse: this.#warehouse },
      now: () => this.#now,
    });
  }

  static async start<T>(plan: Pipeline<T>, options: TestOptions): Promise<MemoryRun<T>> {
    const run = new MemoryRun(plan, options);
    await run.restart();
    return run;
  }

  get now(): Date {
    return new Date(this.#now);
  }

  get watermark(): Date | null {
    const { watermark } = this.#dispatcher;
    return watermark === null ? null : new Date(watermark);
  }

  get counts(): TestCounts {
    return { ...this.#dispatcher.counts };
  }

  get late(): SentRecord[] {
    return this.#dispatcher.late.map(({ partition, offset }) => this.#source.read(partition, offset));
  }

  get deadLetters(): TestDeadLetter[] {
    return this.#log.records(this.#plan.deadLetter).map(readDeadLetter);
  }

  async send(...records: readonly TestRecord<T>[]): Promise<void> {
    await this.#dispatcher.process(this.#source.append(records, this.#now));
  }

  async produce({ env, fetch }: Partial<Pick<ProducerRun, "env" | "fetch">> = {}): Promise<number> {
    const { schedule, name } = this.#plan;
    if (!schedule) throw new TypeError(`the pipeline "${name}" has no schedule, so it has no producer`);
    const values = await Array.fromAsync(schedule.produce({
      scheduledAt: this.now,
      signal: new AbortController().signal,
      fetch: fetch ?? (() => Promise.reject(new Error("a test has no network: give produce({ fetch })"))),
      env: env ?? (() => undefined),
      sleep: () => Promise.resolve(),
    }));
    await this.send(...values);
    return values.length;
  }

  async advance(by: Duration): Promise<void> {
    this.#now += milliseconds(by);
    await this.#dispatcher.rest();
  }

  async restart(): Promise<void> {
    await this.#dispatcher.restart();
    for (const [table, rows] of this.#references.all) this.#dispatcher.refer(table, rows);
  }

  refer(table: string, rows: readonly ReferenceRow[]): void {
    this.#dispatcher.refer(table, this.#references.replace(table, rows));
  }

  rows(table: string, kind?: "cassandra" | "postgres"): TableRow[] {
    const found = this.#plan.outputs.filter(({ sink }) =>
      sink.kind !== "topic" && sink.name === table && (kind === undefined || sink.kind === kind)
    );
    const [output] = found;
    if (!output || found.length > 1) {
      const known = this.#plan.outputs.map(({ sink }) => `${sink.kind} "${sink.name}"`).join(", ");
      const problem = output ? 'two tables have this name; say "cassandra" or "postgres"' : "no such table";
      throw new TypeError(`rows("${table}"): ${problem}; the pipeline writes to ${known}`);
    }
    if (output.sink.kind === "cassandra") return this.#tables.rows(output.sink as CassandraTable<never>);
    const rows = this.#warehouse.rows(output.sink as PostgresTable<never>) ?? [];
    const aggregate = aggregateOf(this.#plan, output);
    const keyTypes = this.#dispatcher.keyTypes[this.#plan.outputs.indexOf(output)];
    if (!aggregate || !keyTypes) return rows;
    const { columns } = outboxTarget("", aggregate.spec, keyTypes);
    return rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])));
  }

  records(topic: string): WrittenRecord[] {
    const output = this.#plan.outputs.find(({ sink }) => sink.kind === "topic" && sink.name === topic);
    if (!output) throw new TypeError(`records("${topic}"): the pipeline does not write to this topic`);
    return this.#log.records(topic).map((record) => readWritten(output.sink, record));
  }
}
