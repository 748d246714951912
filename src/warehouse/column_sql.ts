/** Columns as the statements of all tables write them. */
import type { ColumnType } from "../columns.ts";
import type { TableName, WarehouseColumn, WarehouseTable } from "./mod.ts";
import { identifier } from "./sql_text.ts";

const postgresTypes: Readonly<Record<ColumnType, string>> = {
  text: "text",
  uuid: "uuid",
  int: "integer",
  bigint: "bigint",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamp with time zone",
  date: "date",
  json: "jsonb",
  bytes: "bytea",
};

/** The type that a column gets in a table that Weir creates. */
export function postgresType(type: ColumnType): string {
  return postgresTypes[type];
}

/** The type of a column that Weir created with this type of Postgres; undefined for one that it does not create. */
export function columnType(type: string): ColumnType | undefined {
  return (Object.keys(postgresTypes) as ColumnType[]).find((each) => postgresTypes[each] === type);
}

/** `"schema"."table"` */
export function tableName({ schema, table }: WarehouseTable): string {
  return `${identifier(schema)}.${identifier(table)}`;
}

/** The order in which tables are written, and so locked, everywhere. */
export function byName(a: TableName, b: TableName): number {
  const [left, right] = [`${a.schema}.${a.table}`, `${b.schema}.${b.table}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * The column that counts rows in the order of arrival. No column of a pipeline can have this name. The order
 * of the heap (ctid) will not do: a short row may go into the room that was left on an earlier page.
 */
export const arrival = identifier("#");

/** The order in which rows are written, and so locked, everywhere. */
export function keyOrder(table: WarehouseTable): string {
  return table.columns.filter(({ name }) => table.key.includes(name)).map(ordered).join(", ");
}

/** Text in the order of its bytes sorts several times faster than in a language's. */
export function ordered({ name, type }: WarehouseColumn): string {
  return type === "text" ? `${identifier(name)} collate "C"` : identifier(name);
}

/** One value for all rows of a key. */
export function folded({ name, type, merge }: WarehouseColumn): string {
  const column = identifier(name);
  switch (merge) {
    case "sum": // of bigints is numeric
      return `sum(${column})::${postgresType(type)}`;
    case "min":
    case "max":
      return `${merge}(${column})`;
    case "moments":
      return `weir.moments(${column} order by ${arrival})`;
    case "first":
      return `(array_agg(${column} order by ${column}))[1]`;
    case "last":
      return `(array_agg(${column} order by ${column} desc))[1]`;
    case "keep":
      return `(array_agg(${column} order by ${arrival}))[1]`;
    case "replace":
      return `(array_agg(${column} order by ${arrival} desc))[1]`;
  }
}
