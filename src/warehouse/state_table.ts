import type { WarehouseColumn, WarehouseTable } from "./mod.ts";

const key = ["group_id", "topic", "partition", "operator", "key"] as const;

/**
 * Where operators' states are: see the migration for what the columns mean. A row without a value says that the key has
 * no state any more; the transaction that brings it also removes it.
 */
export const stateTable: WarehouseTable = {
  schema: "weir",
  table: "state",
  columns: [
    column("group_id", "text"),
    column("topic", "text"),
    column("partition", "int"),
    column("operator", "text"),
    column("key", "text"),
    { ...column("value", "text"), optional: true },
    column("touched", "double"),
    column("turn", "bigint"),
  ],
  key,
  computed: [],
};

function column(name: string, type: WarehouseColumn["type"]): WarehouseColumn {
  const merge = (key as readonly string[]).includes(name) ? "keep" : "replace";
  return { name, type, optional: false, merge };
}
