import type { ColumnType } from "../columns.ts";

/** A cell as SQLite holds it. */
export type SqlValue = string | number | bigint | Uint8Array;

/**
 * Reads one cell back from CQL's binary encoding into what the embedded tables store, chosen so that any SQLite
 * client shows it readably and sorts it rightly:
 *
 * | type                          | value                                                       |
 * | ----------------------------- | ----------------------------------------------------------- |
 * | `text`, `json`, `uuid`        | text (a uuid in lower case)                                 |
 * | `timestamp`                   | text, ISO 8601 in UTC with ms: `2024-02-29T12:00:00.000Z`   |
 * | `date`                        | text, `YYYY-MM-DD`                                          |
 * | `int`, `bigint`               | integer                                                     |
 * | `boolean`                     | integer, 0 or 1                                             |
 * | `double`                      | real; NaN, which SQLite has no number for, is the text `NaN` |
 * | `bytes`                       | blob                                                        |
 *
 * @throws {Error} when the bytes are no value of that type.
 */
export function decodeCell(type: ColumnType, cell: Uint8Array): SqlValue {
  switch (type) {
    case "text":
    case "json":
      return decodeText(cell);
    case "bytes":
      return cell;
    case "uuid":
      return uuidText(sized(type, cell, 16));
    case "int":
      return viewOf(sized(type, cell, 4)).getInt32(0);
    case "bigint":
      return viewOf(sized(type, cell, 8)).getBigInt64(0);
    case "double": {
      const value = viewOf(sized(type, cell, 8)).getFloat64(0);
      return Number.isNaN(value) ? "NaN" : value;
    }
    case "boolean":
      return sized(type, cell, 1)[0] === 0 ? 0 : 1;
    case "timestamp":
      return isoText(type, Number(viewOf(sized(type, cell, 8)).getBigInt64(0)));
    case "date":
      return isoText(type, (viewOf(sized(type, cell, 4)).getUint32(0) - 2 ** 31) * 86_400_000).slice(0, -14);
  }
}

function decodeText(cell: Uint8Array): string {
  try {
    return utf8.decode(cell);
  } catch (cause) {
    throw new Error("text is not valid UTF-8", { cause });
  }
}

function sized(type: ColumnType, cell: Uint8Array, length: number): Uint8Array {
  if (cell.length !== length) throw new Error(`${type} should be ${length} bytes, is ${cell.length}`);
  return cell;
}

function viewOf(cell: Uint8Array): DataView {
  return new DataView(cell.buffer, cell.byteOffset, cell.byteLength);
}

function uuidText(cell: Uint8Array): string {
  const hex = cell.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function isoText(type: ColumnType, ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) throw new Error(`${type} is out of range: ${ms} ms since 1970`);
  return date.toISOString();
}

// A byte order mark at the start is part of the text.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
