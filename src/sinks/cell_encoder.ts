import type { ColumnSpec, ColumnType } from "../columns.ts";
import { shown } from "../shown.ts";
import { CellBuffer } from "./cell_buffer.ts";
import { type CellRows, unsetLength } from "./cells.ts";

/** Cassandra keeps a key's length in 16 bits. */
const maxKeyBytes = 65_535;

/**
 * Encodes rows of one table into CQL values. Runs in a worker, once for every cell: it allocates nothing per cell but
 * for text that is long or not ASCII.
 */
export class CellEncoder {
  readonly #columns: readonly CompiledColumn[];
  readonly #buffer = new CellBuffer();
  #count = 0;
  readonly #marked = { count: 0, bytes: 0 };

  /** @param key The primary key: the first is the partition key, the others are clustering columns. */
  constructor(columns: readonly ColumnSpec[], key: readonly string[]) {
    this.#columns = columns.map((column) => {
      const at = key.indexOf(column.name);
      return { ...column, role: at === 0 ? "partition" : at > 0 ? "clustering" : "regular" };
    });
  }

  /** How many rows have been added since the last `finish`. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a row, or throws and leaves the encoder as it was. Properties that are not columns are ignored; null and
   * undefined leave an optional cell unset.
   *
   * @param timestampMicros The row's write timestamp, in microseconds since 1970; a safe integer.
   * @throws {Error} naming the column, what it takes and the value, when a cell can't be encoded or could never be a
   * key in Cassandra.
   */
  add(row: Readonly<Record<string, unknown>>, timestampMicros: number): void {
    const before = this.#buffer.length;
    try {
      this.#encode(row);
    } catch (error) {
      this.#buffer.length = before;
      throw error;
    }
    const start = this.#buffer.beginValue();
    this.#buffer.safeInteger(timestampMicros);
    this.#buffer.endValue(start);
    this.#count++;
  }

  /** Sets the point to roll back to. */
  mark(): void {
    this.#marked.count = this.#count;
    this.#marked.bytes = this.#buffer.length;
  }

  /** Forgets every row that was added since the mark. */
  rollback(): void {
    this.#count = this.#marked.count;
    this.#buffer.length = this.#marked.bytes;
  }

  /**
   * All rows added so far, in a buffer of exactly their size that can be transferred. The encoder is empty afterwards.
   */
  finish(): CellRows {
    const rows: CellRows = { count: this.#count, bytes: this.#buffer.take() };
    this.#count = 0;
    this.mark();
    return rows;
  }

  #encode(row: Readonly<Record<string, unknown>>): void {
    let clusteringBytes = 0;
    for (const column of this.#columns) {
      const length = this.#encodeCell(column, row[column.name]);
      if (column.role === "partition") checkPartitionKey(column.name, length);
      else if (column.role === "clustering") clusteringBytes += length;
    }
    if (clusteringBytes > maxKeyBytes) {
      throw new Error(
        `the key's columns after the first are ${clusteringBytes} bytes; at most ${maxKeyBytes} are possible`,
      );
    }
  }

  /** Appends a cell, and returns the length of its value. */
  #encodeCell(column: CompiledColumn, value: unknown): number {
    if (value === undefined || (value === null && (column.type !== "json" || column.optional))) {
      if (column.optional) {
        this.#buffer.int32(unsetLength);
        return unsetLength;
      }
      throw new Error(
        `column ${column.name} should be ${column.type}, is ${value === null ? "null" : "missing"}`,
      );
    }
    const start = this.#buffer.beginValue();
    if (!write(this.#buffer, column.type, value)) {
      throw new Error(`column ${column.name} should be ${expected[column.type]}, is ${shown(value)}`);
    }
    return this.#buffer.endValue(start);
  }
}

interface CompiledColumn extends ColumnSpec {
  readonly role: "partition" | "clustering" | "regular";
}

/** Appends a value in its column's encoding; false when it is no value of that type. */
function write(buffer: CellBuffer, type: ColumnType, value: unknown): boolean {
  switch (type) {
    case "text":
      if (typeof value !== "string") return false;
      buffer.text(value);
      return true;
    case "uuid":
      return typeof value === "string" && buffer.uuid(value);
    case "int":
      if (typeof value !== "number" || (value | 0) !== value) return false;
      buffer.int32(value);
      return true;
    case "bigint":
      if (typeof value === "number" && Number.isSafeInteger(value)) buffer.safeInteger(value);
      else if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) buffer.int64(value);
      else return false;
      return true;
    case "double":
      if (typeof value !== "number") return false;
      buffer.float64(value);
      return true;
    case "boolean":
      if (typeof value !== "boolean") return false;
      buffer.byte(value ? 1 : 0);
      return true;
    case "timestamp":
      return writeTimestamp(buffer, value);
    case "date":
      return typeof value === "string" && buffer.date(value);
    case "json":
      return writeJson(buffer, value);
    case "bytes":
      if (!(value instanceof Uint8Array)) return false;
      buffer.bytes(value);
      return true;
  }
}

/** The furthest moment from 1970 that a Date can hold, in ms. */
const maxDateMs = 8.64e15;

/** As `new Date(ms)` does, fractions of a millisecond are cut. */
function writeTimestamp(buffer: CellBuffer, value: unknown): boolean {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms !== "number" || !(Math.abs(ms) <= maxDateMs)) return false;
  buffer.safeInteger(Math.trunc(ms));
  return true;
}

function writeJson(buffer: CellBuffer, value: unknown): boolean {
  // JSON has an empty object for it.
  if (value instanceof Promise) return false;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    return false;
  }
  if (text === undefined) return false;
  buffer.text(text);
  return true;
}

function checkPartitionKey(name: string, length: number): void {
  if (length === 0) throw new Error(`key column ${name} is empty`);
  if (length > maxKeyBytes) {
    throw new Error(`key column ${name} is ${length} bytes; at most ${maxKeyBytes} are possible`);
  }
}

/** What each type takes, for messages. */
const expected: Readonly<Record<ColumnType, string>> = {
  text: "text",
  uuid: "uuid",
  int: "int",
  bigint: "bigint",
  double: "double",
  boolean: "boolean",
  timestamp: "timestamp",
  date: "date (YYYY-MM-DD)",
  json: "json",
  bytes: "bytes",
};
