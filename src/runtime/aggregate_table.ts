import type { AggregateSpec } from "../operators/aggregate.ts";
import type { PostgresTable } from "../pipeline.ts";
import type { WarehouseColumn, WarehouseTable } from "../warehouse/mod.ts";
import type { KeyTypes } from "./protocol.ts";

/** The columns that every windowed aggregate's table starts with. */
export const windowColumns = ["window_start", "window_end"] as const;

/** The warehouse's table for plain rows. */
export function rowTable(sink: PostgresTable<never>): WarehouseTable {
  const merge = sink.onConflict === "ignore" ? "keep" : "replace";
  return {
    schema: sink.schema,
    table: sink.table,
    columns: sink.columns.map((column) => ({
      ...column,
      merge: sink.key.includes(column.name) ? "keep" : merge,
    })),
    key: sink.key,
    computed: [],
  };
}

/**
 * The warehouse's table for an aggregate: window bounds, key columns, and for each result its accumulators, under the
 * result's own name when one number is all it needs, else beside a column that the database computes from them.
 */
export function aggregateTable(
  sink: PostgresTable<never>,
  spec: AggregateSpec<never>,
  keyTypes: KeyTypes,
): WarehouseTable {
  const bounds: WarehouseColumn[] = spec.window
    ? windowColumns.map((name) => ({ name, type: "timestamp", optional: false, merge: "keep" }))
    : [];
  const keys: WarehouseColumn[] = Object.entries(keyTypes).map(([name, type]) => (
    { name, type, optional: false, merge: "keep" }
  ));
  const results: WarehouseColumn[] = [];
  const computed: { name: string; expression: string }[] = [];
  for (const [name, aggregate] of Object.entries(spec.compute)) {
    for (const { suffix, type, merge } of aggregate.accumulators) {
      results.push({ name: name + suffix, type, optional: false, merge });
    }
    if (aggregate.result === undefined) continue;
    const expression = aggregate.result.replace(
      /\$(\d)/g,
      (_, i) => `"${name}${aggregate.accumulators[i]!.suffix}"`,
    );
    computed.push({ name, expression });
  }
  return {
    schema: sink.schema,
    table: sink.table,
    columns: [...bounds, ...keys, ...results],
    key: [...(spec.window ? ["window_start"] : []), ...keys.map((column) => column.name)],
    computed,
  };
}
