/** The SQL of the embedded tables. */
import type { ColumnSpec, ColumnType } from "../columns.ts";
import type { CassandraTable } from "../pipeline.ts";

/**
 * Declared types that tell one column type from another and from which SQLite derives a fitting affinity: all with
 * TEXT in them keep text as it is.
 */
const sqlTypes: Readonly<Record<ColumnType, string>> = {
  text: "TEXT",
  uuid: "UUID TEXT",
  int: "INT",
  bigint: "BIGINT",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  timestamp: "TIMESTAMP TEXT",
  date: "DATE TEXT",
  json: "JSON TEXT",
  bytes: "BLOB",
};

export function sqlType(type: ColumnType): string {
  return sqlTypes[type];
}

/**
 * A table of the pipeline's columns and, behind them, the write times in µs since 1970: `_write_time` of the row, and
 * one of each optional column, which rows may leave as it was. So the last write wins for each cell by itself, as in
 * Cassandra.
 */
export function creation({ name, columns, key }: CassandraTable<never>): string {
  const definitions = columns.map((column) =>
    `${quoted(column.name)} ${sqlType(column.type)}${key.includes(column.name) ? " NOT NULL" : ""}`
  );
  const writeTimes = writeTimeColumns(columns).map((time) => `${quoted(time)} INTEGER`);
  const primaryKey = `PRIMARY KEY (${key.map(quoted).join(", ")})`;
  return `CREATE TABLE IF NOT EXISTS ${quoted(name)} (${
    [...definitions, ...writeTimes, primaryKey].join(", ")
  })`;
}

/**
 * The statement that writes one row, with the columns' values and then the write time as parameters; null is a cell
 * that is not set. A cell is replaced by a later write; on equal times the larger value wins, so that the order of
 * writes never matters.
 */
export function upsert({ name, columns, key }: CassandraTable<never>): string {
  const time = `?${columns.length + 1}`;
  const optional = columns.filter((column) => column.optional);
  const names = [...columns.map((column) => column.name), ...optional.map(writeTimeColumn), rowWriteTime];
  const values = [
    ...columns.map((_, index) => `?${index + 1}`),
    ...optional.map((column) => `iif(?${columns.indexOf(column) + 1} IS NULL, NULL, ${time})`),
    time,
  ];
  const sets = columns.filter((column) => !key.includes(column.name)).map((column) => {
    const cell = quoted(column.name);
    // A column that only later became optional has no time of its own in older rows.
    const written = `ifnull(${quoted(writeTimeColumn(column))}, ${quoted(rowWriteTime)})`;
    const wins = `excluded.${cell} IS NOT NULL AND (${cell} IS NULL OR ${time} > ${written}` +
      ` OR ${time} = ${written} AND excluded.${cell} > ${cell})`;
    return `${cell} = iif(${wins}, excluded.${cell}, ${cell})`;
  });
  for (const writeTime of writeTimeColumns(columns).map(quoted)) {
    // SQLite's max() of several values is null when one of them is.
    sets.push(
      `${writeTime} = max(ifnull(${writeTime}, excluded.${writeTime}), ifnull(excluded.${writeTime}, ${writeTime}))`,
    );
  }
  return `INSERT INTO ${quoted(name)} (${names.map(quoted).join(", ")}) VALUES (${values.join(", ")})` +
    ` ON CONFLICT (${key.map(quoted).join(", ")}) DO UPDATE SET ${sets.join(", ")}`;
}

/** Adds a column of write times to a table that was made when all its columns were required. */
export function addition(table: string, writeTime: string): string {
  return `ALTER TABLE ${quoted(table)} ADD COLUMN ${quoted(writeTime)} INTEGER`;
}

export const rowWriteTime = "_write_time";

/** Every column of write times that a table has. */
export function writeTimeColumns(columns: readonly ColumnSpec[]): string[] {
  return [...new Set([rowWriteTime, ...columns.map(writeTimeColumn)])];
}

/**
 * The column that holds when a column was written last. With its dot it can't be the name of a column of the
 * pipeline's.
 */
function writeTimeColumn({ name, optional }: ColumnSpec): string {
  return optional ? `${rowWriteTime}.${name}` : rowWriteTime;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
