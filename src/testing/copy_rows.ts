import type { ColumnSpec, ColumnType, JsonValue } from "../columns.ts";

/** A value of a row, as its column's type has it: a `bigint` is always a bigint, a `timestamp` always a Date. */
export type CellValue = string | number | bigint | boolean | Date | Uint8Array | JsonValue | null;

/** A row by its columns' names. */
export type TableRow = Readonly<Record<string, CellValue>>;

/** Reads rows back from COPY's text format. */
export function readCopy(columns: readonly ColumnSpec[], bytes: Uint8Array): TableRow[] {
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
  return lines.slice(0, -1).map((line) => {
    const cells = line.split("\t");
    return Object.fromEntries(columns.map(({ name, type }, i) => [name, cellValue(type, cells[i]!)]));
  });
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function cellValue(type: ColumnType, cell: string): CellValue {
  if (cell === "\\N") return null;
  return readText(type, cell.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character));
}

/** A value of a column from a text that Postgres casts to its type. */
export function readText(type: ColumnType, text: string): CellValue {
  switch (type) {
    case "int":
    case "double":
      return Number(text);
    case "bigint":
      return BigInt(text);
    case "boolean":
      return text.startsWith("t");
    case "timestamp":
      return dateOf(text);
    case "json":
      return JSON.parse(text);
    case "bytes":
      return Uint8Array.fromHex(text.slice("\\x".length));
    case "uuid":
      return text.toLowerCase();
    default:
      return text;
  }
}

/** A time as Postgres writes it, with years of any length, and `BC` behind those before the year 1. */
function dateOf(text: string): Date {
  const [, digits, rest, before] = /^(\d+)(-.*Z)( BC)?$/.exec(text)!;
  const year = before ? 1 - Number(digits) : Number(digits);
  const sign = year < 0 ? "-" : "+";
  const written = year >= 0 && year <= 9999
    ? String(year).padStart(4, "0")
    : sign + String(Math.abs(year)).padStart(6, "0");
  return new Date(written + rest);
}

/** The order of two values of one column. */
export function compareCells(a: CellValue, b: CellValue): number {
  const [one, other] = [orderOf(a), orderOf(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function orderOf(value: CellValue): string | number | bigint {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint"
    ? value
    : Number(value);
}

/** A text that no other values of these columns have. */
export function keyOf(row: TableRow, columns: readonly string[]): string {
  return JSON.stringify(columns.map((name) => String(orderOf(row[name]!))));
}
