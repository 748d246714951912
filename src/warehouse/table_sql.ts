import { arrival, folded, keyOrder, postgresType, tableName } from "./column_sql.ts";
import type { WarehouseColumn, WarehouseTable } from "./mod.ts";
import { outboxSql } from "./outbox_sql.ts";
import { sessionSql } from "./session_sql.ts";
import { identifier } from "./sql_text.ts";

/** The statements that write one table, made once. */
export interface TableSql {
  /** The staging table's name: unique per table and set of columns. */
  readonly staging: string;
  readonly createStaging: string;
  readonly copy: string;
  /** Empties it within a transaction; the end of one does so by itself. */
  readonly clear: string;
  /** The staging table as a relation. */
  readonly staged: string;
  /** The statements that write the rows of a relation, by default the staging table, into the table. */
  insert(relation?: string): string;
}

/** The statements of every table that was written so far, each with a staging table of its own. */
export class TableStatements {
  readonly #tables = new Map<string, TableSql>();
  /** By the object: those who write a table again and again give the same one. */
  readonly #same = new WeakMap<WarehouseTable, TableSql>();

  of(table: WarehouseTable): TableSql {
    const sql = this.#same.get(table) ?? this.#find(table);
    this.#same.set(table, sql);
    return sql;
  }

  #find(table: WarehouseTable): TableSql {
    const signature = JSON.stringify(table);
    const known = this.#tables.get(signature);
    if (known) return known;
    const sql = tableSql(table, `weir_staging_${this.#tables.size}`);
    this.#tables.set(signature, sql);
    return sql;
  }
}

function tableSql(table: WarehouseTable, staging: string): TableSql {
  const name = `pg_temp.${identifier(staging)}`;
  const columns = table.columns.map((column) => identifier(column.name)).join(", ");
  const types = table.columns.map((column) => `${identifier(column.name)} ${postgresType(column.type)}`);
  const parts = insertFrom(table, columns, anyRelation).split(anyRelation);
  return {
    staging,
    createStaging: `create temporary table if not exists ${identifier(staging)} (${types.join(", ")}, ` +
      `${arrival} bigint generated always as identity (cache 1000)) on commit delete rows`,
    copy: `copy ${name} (${columns}) from stdin`,
    clear: `truncate ${name}`,
    staged: `${name} as s`,
    insert: (relation = `${name} as s`) => parts.join(relation),
  };
}

/** Stands for a relation in statements; no identifier can have it. */
const anyRelation = "\0";

function insertFrom(table: WarehouseTable, columns: string, relation: string): string {
  if (table.passing) {
    return outboxSql(table.outbox!, `select ${arrival}, ${columns} from ${relation}`, arrival).join(";\n");
  }
  if (table.sessions) return sessionSql(table, relation).join(";\n");
  const merge = `insert into ${tableName(table)} as t (${columns}) ${selection(table, relation)} ` +
    `on conflict (${table.key.map(identifier).join(", ")}) ${resolution(table)}`;
  if (!table.outbox) return merge;
  return outboxSql(table.outbox, `${merge} returning t.*`, keyOrder(table)).join(";\n");
}

/**
 * The rows, each key once: a statement with `on conflict do update` may not touch a key twice. They come in the
 * key's order, so that two processes never wait for each other's rows in a circle.
 */
function selection(table: WarehouseTable, relation: string): string {
  const key = table.columns.filter((column) => table.key.includes(column.name));
  const order = keyOrder(table);
  const values = table.columns.filter((column) => !key.includes(column));
  const columns = table.columns.map((column) => identifier(column.name)).join(", ");
  if (values.every((column) => column.merge === "keep")) {
    return `select ${columns} from ${relation} order by ${order}, ${arrival}`;
  }
  if (values.every((column) => column.merge === "replace")) {
    return `select distinct on (${order}) ${columns} from ${relation} order by ${order}, ${arrival} desc`;
  }
  const merged = table.columns.map((column) =>
    key.includes(column) ? identifier(column.name) : folded(column)
  );
  const keys = key.map((column) => identifier(column.name)).join(", ");
  return `select ${merged.join(", ")} from ${relation} group by ${keys} order by ${order}`;
}

function resolution(table: WarehouseTable): string {
  const updates = table.columns.flatMap((column) => {
    const value = table.key.includes(column.name) ? undefined : merged(column);
    return value === undefined ? [] : [`${identifier(column.name)} = ${value}`];
  });
  return updates.length === 0 ? "do nothing" : `do update set ${updates.join(", ")}`;
}

/** What a column becomes when its row is there already; undefined when it stays. */
function merged({ name, merge, optional }: WarehouseColumn): string | undefined {
  const held = `t.${identifier(name)}`;
  const given = `excluded.${identifier(name)}`;
  switch (merge) {
    case "keep":
      return undefined;
    case "replace":
      return given;
    case "sum":
      return optional ? `coalesce(${held} + ${given}, ${held}, ${given})` : `${held} + ${given}`;
    case "moments":
      return `weir.merge_moments(${held}, ${given})`;
    case "min":
    case "first":
      return `least(${held}, ${given})`;
    case "max":
    case "last":
      return `greatest(${held}, ${given})`;
  }
}
