import type { ColumnType } from "../columns.ts";
import type { AggregateSpec } from "../operators/aggregate.ts";
import { windowColumns } from "../operators/result_names.ts";
import { aggregateOf, type Pipeline, type PostgresTable } from "../pipeline.ts";
import type { Sink } from "../stream.ts";
import type { SourceName, TableName, Warehouse, WarehouseTable } from "../warehouse/mod.ts";
import type { OutboxTarget } from "../warehouse/outbox.ts";
import type { Closing } from "../warehouse/watermarks.ts";
import {
  aggregateTable,
  finalTable,
  isMergedApart,
  openWindows,
  outboxTarget,
  recordStream,
  rowTable,
} from "./aggregate_table.ts";
import { isPassing, passingTable } from "./passing.ts";
import { type KeyType, type KeyTypes, sameKeyTypes } from "./protocol.ts";

/** What of a warehouse makes tables. */
type TableMaker = Pick<Warehouse, "createTable" | "primaryKey" | "outbox">;

/** The warehouse's tables of a pipeline's outputs. An aggregate's is known once its key types are. */
export class OutputTables {
  readonly #plan: Pipeline;
  readonly #warehouse: TableMaker;
  readonly #tables = new Map<number, WarehouseTable>();
  readonly #keyTypes = new Map<number, KeyTypes>();
  readonly #closings = new Map<number, Closing>();
  readonly #targets = new Map<number, OutboxTarget>();

  constructor(plan: Pipeline, warehouse: TableMaker) {
    this.#plan = plan;
    this.#warehouse = warehouse;
  }

  /** The outputs that the warehouse writes or merges. */
  get outputs(): number[] {
    return this.#plan.outputs.flatMap((output, i) =>
      output.sink.kind === "postgres" || aggregateOf(this.#plan, output) || isPassing(this.#plan, output)
        ? [i]
        : []
    );
  }

  /** For each output, the key types that its aggregate's table has; null where there is none, or none yet. */
  get keyTypes(): (KeyTypes | null)[] {
    return this.#plan.outputs.map((_, i) => this.#keyTypes.get(i) ?? null);
  }

  /** What has to be done when windows close, by output. */
  get closings(): ReadonlyMap<number, Closing> {
    return this.#closings;
  }

  /** The tables of open windows that nobody has made yet, as far as this process knows. */
  get absent(): TableName[] {
    return this.outputs.flatMap((i) => {
      const aggregate = this.#aggregate(i);
      const closes = aggregate?.spec.window && isMergedApart(aggregate.sink, aggregate.spec);
      return closes && !this.#closings.has(i) ? [openWindows(this.#source, aggregate.sink)] : [];
    });
  }

  /** The streams of the outputs whose results go from the warehouse to another place. */
  get streams(): ReadonlyMap<number, string> {
    const streams = new Map<number, string>();
    for (const i of this.outputs) {
      const output = this.#plan.outputs[i]!;
      const { sink } = output;
      if (isPassing(this.#plan, output)) streams.set(i, recordStream(this.#source, sink));
      else if (sink.kind !== "postgres") streams.set(i, openWindows(this.#source, sink).table);
    }
    return streams;
  }

  /** Whether what is merged for an output is its result already, and not on its way to another place. */
  isDirect(output: number): boolean {
    return !this.#closings.has(output) && !this.streams.has(output);
  }

  /** What an output's stream holds; undefined before its key types are known. */
  target(output: number): OutboxTarget | undefined {
    return this.#targets.get(output);
  }

  /** The table that an output's rows go to; undefined for other outputs, and for an aggregate without key types yet. */
  of(output: number): WarehouseTable | undefined {
    return this.#tables.get(output);
  }

  /** Makes and checks the tables whose columns are known by now: an aggregate's are when its table is there. */
  async create(): Promise<void> {
    for (const i of this.outputs) {
      if (this.#tables.has(i)) continue;
      const aggregate = this.#aggregate(i);
      const stream = this.streams.get(i);
      if (!aggregate && stream !== undefined) {
        const table = passingTable(stream);
        await this.#warehouse.outbox.create(stream);
        this.#targets.set(i, table.outbox!);
        this.#tables.set(i, table);
        continue;
      }
      if (!aggregate) {
        const table = rowTable(this.#plan.outputs[i]!.sink as PostgresTable<never>);
        await this.#warehouse.createTable(table);
        this.#tables.set(i, table);
        continue;
      }
      const { schema, table } = this.#mergedIn(aggregate);
      const key = await this.#warehouse.primaryKey(schema, table);
      const keyTypes = key && keyTypesOf(key);
      if (keyTypes) await this.createAggregate(i, keyTypes);
    }
  }

  /**
   * Makes and checks an aggregate's tables, now that its key types are known.
   *
   * @throws {SchemaMismatch} when one is there and does not fit.
   */
  async createAggregate(output: number, keyTypes: KeyTypes): Promise<void> {
    const aggregate = this.#aggregate(output)!;
    const { sink, spec } = aggregate;
    const merged = aggregateTable(this.#mergedIn(aggregate), spec, keyTypes);
    if (!isMergedApart(sink, spec)) {
      await this.#warehouse.createTable(merged);
      this.#tables.set(output, merged);
      this.#keyTypes.set(output, keyTypes);
      return;
    }
    const stream = this.streams.get(output);
    const target = stream === undefined ? undefined : outboxTarget(stream, spec, keyTypes);
    if (stream !== undefined) await this.#warehouse.outbox.create(stream);
    const final = spec.results === "final";
    const table: WarehouseTable = {
      ...merged,
      ...(spec.window && { closes: true }),
      ...(target && !final && { outbox: target }),
    };
    const results = target ?? finalTable(sink as PostgresTable<never>, spec, keyTypes);
    // What results go to is there before anything can close.
    if (!("stream" in results)) await this.#warehouse.createTable(results);
    await this.#warehouse.createTable(table);
    if (target) this.#targets.set(output, target);
    if (spec.window) {
      this.#closings.set(output, { accumulators: table, results: final ? results : undefined });
    }
    this.#tables.set(output, table);
    this.#keyTypes.set(output, keyTypes);
  }

  /** Whether groups were made with the key types of the output's table. Workers learn them from their first record. */
  fits(output: number, keyTypes: KeyTypes): boolean {
    return sameKeyTypes(keyTypes, this.#keyTypes.get(output) ?? {});
  }

  #aggregate(output: number): AggregateOutput | undefined {
    const { outputs } = this.#plan;
    const operator = aggregateOf(this.#plan, outputs[output]!);
    return operator && { sink: outputs[output]!.sink, spec: operator.spec };
  }

  /** Where an aggregate is merged: in its sink itself, or in a table of Weir's own. */
  #mergedIn({ sink, spec }: AggregateOutput): TableName {
    return isMergedApart(sink, spec) ? openWindows(this.#source, sink) : sink as PostgresTable<never>;
  }

  get #source(): SourceName {
    const { group, topic } = this.#plan.source;
    return { group, topic };
  }
}

interface AggregateOutput {
  readonly sink: Sink<never>;
  readonly spec: AggregateSpec<never>;
}

/** The key types of a table that is there; undefined when no aggregate of ours can have made it. */
function keyTypesOf(key: readonly { name: string; type: ColumnType }[]): KeyTypes | undefined {
  const keys = key.filter(({ name }) => name !== windowColumns[0]);
  const types = keys.map(({ name, type }) => [name, type] as const);
  const known = types.filter((each): each is readonly [string, KeyType] => isKeyType(each[1]));
  return known.length === types.length ? Object.fromEntries(known) : undefined;
}

function isKeyType(type: ColumnType): type is KeyType {
  return type === "text" || type === "double" || type === "bigint" || type === "boolean";
}
