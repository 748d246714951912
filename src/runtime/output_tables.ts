import type { ColumnType } from "../columns.ts";
import { aggregateOf, type Pipeline, type PostgresTable } from "../pipeline.ts";
import type { Warehouse, WarehouseTable } from "../warehouse/mod.ts";
import { aggregateTable, rowTable, windowColumns } from "./aggregate_table.ts";
import { type KeyType, type KeyTypes, sameKeyTypes } from "./protocol.ts";

/** The warehouse's tables of a pipeline's outputs. An aggregate's is known once its key types are. */
export class OutputTables {
  readonly #plan: Pipeline;
  readonly #warehouse: Warehouse;
  readonly #tables = new Map<number, WarehouseTable>();
  readonly #keyTypes = new Map<number, KeyTypes>();

  constructor(plan: Pipeline, warehouse: Warehouse) {
    this.#plan = plan;
    this.#warehouse = warehouse;
  }

  /** For each output, the key types that its aggregate's table has; null where there is none, or none yet. */
  get keyTypes(): (KeyTypes | null)[] {
    return this.#plan.outputs.map((_, i) => this.#keyTypes.get(i) ?? null);
  }

  /** The table that an output's rows go to; undefined for other outputs, and for an aggregate without key types yet. */
  of(output: number): WarehouseTable | undefined {
    return this.#tables.get(output);
  }

  /** Makes and checks the tables whose columns are known already: an aggregate's are when its table is there. */
  async create(): Promise<void> {
    for (const [i, output] of this.#plan.outputs.entries()) {
      if (output.sink.kind !== "postgres") continue;
      const sink = output.sink as PostgresTable<never>;
      if (!aggregateOf(this.#plan, output)) {
        const table = rowTable(sink);
        await this.#warehouse.createTable(table);
        this.#tables.set(i, table);
        continue;
      }
      const key = await this.#warehouse.primaryKey(sink.schema, sink.table);
      const keyTypes = key && keyTypesOf(key);
      if (keyTypes) await this.createAggregate(i, keyTypes);
    }
  }

  /**
   * Makes and checks an aggregate's table, now that its key types are known.
   *
   * @throws {SchemaMismatch} when it is there and does not fit.
   */
  async createAggregate(output: number, keyTypes: KeyTypes): Promise<void> {
    const { sink } = this.#plan.outputs[output]!;
    const { spec } = aggregateOf(this.#plan, this.#plan.outputs[output]!)!;
    const table = aggregateTable(sink as PostgresTable<never>, spec, keyTypes);
    await this.#warehouse.createTable(table);
    this.#tables.set(output, table);
    this.#keyTypes.set(output, keyTypes);
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
