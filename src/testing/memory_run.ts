import { type Duration, milliseconds } from "../duration.ts";
import {
  aggregateOf,
  type CassandraTable,
  isBehindRepartition,
  type Pipeline,
  type PostgresTable,
  type Source,
  stagesOf,
} from "../pipeline.ts";
import type { ProducerRun } from "../producers/mod.ts";
import { outboxTarget } from "../runtime/aggregate_table.ts";
import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { TableRow } from "./copy_rows.ts";
import { MemoryLog } from "./memory_log.ts";
import { MemoryStage } from "./memory_stage.ts";
import { MemoryTables } from "./memory_tables.ts";
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
export class MemoryRun<T, S extends object> implements TestRun<T, S> {
  readonly #plan: Pipeline<T, S>;
  readonly #log = new MemoryLog();
  readonly #tables = new MemoryTables();
  /** Each after those that write what it reads. */
  readonly #stages: readonly MemoryStage[];
  readonly #references: TestReferences;
  #now: number;

  private constructor(plan: Pipeline<T, S>, { now, partitions = 1, references = {} }: TestOptions) {
    this.#now = Number(now ?? Date.UTC(2026, 0, 1));
    if (!Number.isSafeInteger(this.#now)) {
      throw new TypeError(`testPipeline(): now is ${now}; give a Date, or milliseconds since 1970`);
    }
    this.#plan = plan;
    const stores = { partitions, log: this.#log, tables: this.#tables, now: () => this.#now };
    this.#stages = stagesOf(plan).map((stage) => new MemoryStage({ plan: stage, ...stores }));
    this.#references = new TestReferences(stagesOf(plan).flatMap(({ nodes }) => nodes), references);
  }

  static async start<T, S extends object>(
    plan: Pipeline<T, S>,
    options: TestOptions,
  ): Promise<MemoryRun<T, S>> {
    const run = new MemoryRun(plan, options);
    await run.restart();
    return run;
  }

  get now(): Date {
    return new Date(this.#now);
  }

  get watermark(): Date | null {
    const { watermark } = this.#stages[0]!.dispatcher;
    return watermark === null ? null : new Date(watermark);
  }

  get counts(): TestCounts {
    const [first, ...others] = this.#sources.map(({ dispatcher: { counts } }) => counts);
    const total = { ...first! };
    for (const counts of others) {
      for (const name of Object.keys(total) as (keyof TestCounts)[]) total[name] += counts[name];
    }
    return total;
  }

  get late(): SentRecord[] {
    return this.#stages.flatMap(({ late }) => late);
  }

  get deadLetters(): TestDeadLetter[] {
    const topics = new Set(stagesOf(this.#plan).map(({ deadLetter }) => deadLetter));
    return this.#log.recordsOf(topics).map(readDeadLetter);
  }

  async send(...records: readonly TestRecord<T, S>[]): Promise<void> {
    const sent = records.map((record) => {
      const { source, ...rest } = record as TestRecord<unknown, Record<string, unknown>>;
      const stage = this.#reading(source);
      return { stage, record: stage.topic.encode(rest, this.#now) };
    });
    while (sent.length > 0) {
      const { stage } = sent[0]!;
      const end = sent.findIndex((each) => each.stage !== stage);
      const together = sent.splice(0, end < 0 ? sent.length : end).map(({ record }) => record);
      await stage.dispatcher.process(stage.topic.write(together, this.#now));
      await this.#follow();
    }
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
    await this.send(...values as readonly TestRecord<T, S>[]);
    return values.length;
  }

  async advance(by: Duration): Promise<void> {
    this.#now += milliseconds(by);
    for (const { dispatcher } of this.#stages) await dispatcher.rest();
    await this.#follow();
  }

  async restart(): Promise<void> {
    for (const { dispatcher } of this.#stages) {
      await dispatcher.restart();
      for (const [table, rows] of this.#references.all) dispatcher.refer(table, rows);
    }
  }

  refer(table: string, rows: readonly ReferenceRow[]): void {
    const replaced = this.#references.replace(table, rows);
    for (const { dispatcher } of this.#stages) dispatcher.refer(table, replaced);
  }

  rows(table: string, kind?: "cassandra" | "postgres"): TableRow[] {
    const all = this.#stages.flatMap((stage) =>
      stage.plan.outputs.map((output, i) => ({ stage, output, i }))
    );
    const found = all.filter(({ output: { sink } }) =>
      sink.kind !== "topic" && sink.name === table && (kind === undefined || sink.kind === kind)
    );
    if (found.length !== 1) {
      const known = all.map(({ output: { sink } }) => `${sink.kind} "${sink.name}"`).join(", ");
      const problem = found.length > 1
        ? 'two tables have this name; say "cassandra" or "postgres"'
        : "no such table";
      throw new TypeError(`rows("${table}"): ${problem}; the pipeline writes to ${known}`);
    }
    const { stage: { plan, warehouse, dispatcher }, output, i } = found[0]!;
    if (output.sink.kind === "cassandra") return this.#tables.rows(output.sink as CassandraTable<never>);
    const rows = warehouse.rows(output.sink as PostgresTable<never>) ?? [];
    const aggregate = aggregateOf(plan, output);
    const keyTypes = dispatcher.keyTypes[i];
    if (!aggregate || !keyTypes) return rows;
    const { columns } = outboxTarget("", aggregate.spec, keyTypes);
    return rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])));
  }

  records(topic: string): WrittenRecord[] {
    const output = stagesOf(this.#plan).flatMap(({ outputs }) => outputs)
      .find(({ sink }) => sink.kind === "topic" && sink.name === topic);
    if (!output) throw new TypeError(`records("${topic}"): the pipeline does not write to this topic`);
    return this.#log.records(topic).map((record) => readWritten(output.sink, record));
  }

  /** Those that read the pipeline's sources. */
  get #sources(): readonly MemoryStage[] {
    return this.#stages.filter(({ plan }) => !isBehindRepartition(plan));
  }

  /** What reads a further source, or the pipeline's own when no name is given. */
  #reading(name: string | undefined): MemoryStage {
    if (name === undefined) return this.#stages[0]!;
    const sources: Readonly<Record<string, Source<unknown>>> = this.#plan.sources ?? {};
    const found = Object.hasOwn(sources, name) &&
      this.#sources.find(({ plan }) => plan.source === sources[name]);
    if (found) return found;
    const known = Object.keys(sources).join(", ") || "none";
    throw new TypeError(`send(): the pipeline has no further source "${name}"; there are ${known}`);
  }

  /** Takes what came to the topics of `repartition`s further, to the end. */
  async #follow(): Promise<void> {
    for (const stage of this.#stages.filter(({ plan }) => isBehindRepartition(plan))) await stage.follow();
  }
}
