import type { ColumnType } from "../columns.ts";
import { aggregateOf, type Pipeline, type PostgresTable } from "../pipeline.ts";
import type { SourceName, TableName, Warehouse, WarehouseTable } from "../warehouse/mod.ts";
import type { Closing } from "../warehouse/watermarks.ts";
import { aggregateTable, finalTable, openWindows, rowTable, windowColumns } from "./aggregate_table.ts";
import { type KeyType, type KeyTypes, sameKeyTypes } from "./protocol.ts";

/** The warehouse's tables of a pipeline's outputs. An aggregate's is known once its key types are. */
export class OutputTables {
  readonly #plan: Pipeline;
  readonly #warehouse: Warehouse;
  readonly #tables = new Map<number, WarehouseTable>();
  readonly #keyTypes = new Map<number, KeyTypes>();
  readonly #closings = new Map<number, Closing>();

  constructor(plan: Pipeline, warehouse: Warehouse) {
    this.#plan = plan;
    this.#warehouse = warehouse;
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
    return this.#plan.outputs.flatMap((output, i) => {
      const final = aggregateOf(this.#plan, output)?.spec.results === "final";
      return final && !this.#closings.has(i) ? [openWindows(this.#source, output.sink)] : [];
    });
  }

  /** The table that an output's rows go to; undefined for other outputs, and for an aggregate without key types yet. */
  of(output: number): WarehouseTable | undefined {
    return this.#tables.get(output);
  }

  /** Makes and checks the tables whose columns are known by now: an aggregate's are when its table is there. */
  async create(): Promise<void> {
    for (const [i, output] of this.#plan.outputs.entries()) {
      if (output.sink.kind !== "postgres" || this.#tables.has(i)) continue;
      const sink = output.sink as PostgresTable<never>;
      if (!aggregateOf(this.#plan, output)) {
        const table = rowTable(sink);
        await this.#warehouse.createTable(table);
        this.#tables.set(i, table);
        continue;
      }
      const { schema, table } = this.#mergedIn(i);
      const key = await this.#warehouse.primaryKey(schema, table);
      const keyTypes = key && keyTypesOf(key);
      if (keyTypes) await this.createAggregate(i, keyTypes);
    }
  }

  /**
   * Makes and checks an aggregate's tables, now that its key types are known.
   *
   * @throws {SchemaMismatch} when it is there and does not fit.
   */
  async createAggregate(output: number, keyTypes: KeyTypes): Promise<void> {
    const sink = this.#plan.outputs[output]!.sink as PostgresTable<never>;
    const { spec } = aggregateOf(this.#plan, this.#plan.outputs[output]!)!;
    const table = aggregateTable(this.#mergedIn(output), spec, keyTypes);
    await this.#warehouse.createTable(table);
    if (spec.results === "final") {
      const results = finalTable(sink, spec, keyTypes);
      await this.#warehouse.createTable(results);
      this.#closings.set(output, { accumulators: table, results });
    }
    this.#tables.set(output, table);
    this.#keyTypes.set(output, keyTypes);
  }

  /** Where an aggregate is merged: final results in a table of Weir's own. */
  #mergedIn(output: number): TableName {
    const sink = this.#plan.outputs[output]!.sink as PostgresTable<never>;
    const { spec } = aggregateOf(this.#plan, this.#plan.outputs[output]!)!;
    return spec.results === "final" ? openWindows(this.#source, sink) : sink;
  }

  get #source(): SourceName {
    const { group, topic } = this.#plan.source;
    return { group, topic };
  }

  /** Whether groups were made with the key types of the output's table. Workers learn them from their first record. */
  fits(output: number, keyTypes: KeyTypes): boolean {
    return sameKeyTypes(keyTypes, this.#keyTypes.get(output) ?? {});
  }
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
