import type { ColumnSpec, ColumnType } from "../columns.ts";

/** The most rows that a reference table may have: each worker holds all of them. */
export const mostReferenceRows = 200_000;

export type ReferenceRow = Readonly<Record<string, unknown>>;

/**
 * Rows as their columns' types have them, from values of TypeScript, JSON or CSV, by the texts of their keys. In CSV an
 * empty cell is no value; so it is null in a column that is optional, and empty text in one of text that is not.
 *
 * @throws {TypeError} with the first thing that does not fit: row, column, and what was expected.
 */
export function referenceRows(
  { columns, key }: { readonly columns: readonly ColumnSpec[]; readonly key: string },
  given: readonly ReferenceRow[],
): Map<string, ReferenceRow> {
  if (given.length > mostReferenceRows) {
    throw new TypeError(`it has more than ${mostReferenceRows} rows; keep only those that are needed`);
  }
  const rows = new Map<string, ReferenceRow>();
  for (const [i, raw] of given.entries()) {
    const row: Record<string, unknown> = {};
    for (const column of columns) {
      const value = cell(raw?.[column.name], column);
      if (value === misfit) {
        const shown = JSON.stringify(raw?.[column.name])?.slice(0, 100);
        const is = shown === undefined ? "is missing" : `is ${shown}`;
        throw new TypeError(
          `row ${i + 1}: the column "${column.name}" ${is}, it should be ${kinds[column.type]}`,
        );
      }
      row[column.name] = value;
    }
    const id = String(row[key]);
    if (rows.has(id)) throw new TypeError(`row ${i + 1}: the key ${JSON.stringify(id)} is there already`);
    rows.set(id, row);
  }
  return rows;
}

const misfit = Symbol("misfit");

const kinds: Readonly<Record<ColumnType, string>> = {
  text: "text",
  uuid: "a UUID",
  int: "a whole number of 32 bits",
  bigint: "a whole number",
  double: "a finite number",
  boolean: "true or false",
  timestamp: "a time, as in 2026-01-31T12:00:00Z",
  date: "a day, as in 2026-01-31",
  json: "JSON",
  bytes: "bytes",
};

function cell(value: unknown, { type, optional }: ColumnSpec): unknown {
  if (value === null || value === undefined || (value === "" && (optional || type !== "text"))) {
    return optional ? null : misfit;
  }
  switch (type) {
    case "text":
    case "uuid":
    case "date":
      return typeof value === "string" ? value : misfit;
    case "int":
      return number(value, (each) => (each | 0) === each);
    case "double":
      return number(value, Number.isFinite);
    case "bigint":
      return typeof value === "bigint" ? value : number(value, Number.isSafeInteger);
    case "boolean":
      return typeof value === "boolean"
        ? value
        : value === "true"
        ? true
        : value === "false"
        ? false
        : misfit;
    case "timestamp": {
      const time = new Date(value as string | number | Date);
      return Number.isNaN(time.getTime()) ? misfit : time;
    }
    case "json":
      return value;
    case "bytes":
      return value instanceof Uint8Array ? value : misfit;
  }
}

function number(value: unknown, fits: (value: number) => boolean): unknown {
  const parsed = typeof value === "string" && /^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(value)
    ? Number(value)
    : value;
  return typeof parsed === "number" && fits(parsed) ? parsed : misfit;
}
