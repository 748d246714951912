import type { ColumnSpec } from "../columns.ts";
import { cellWriter } from "./copy_cell.ts";
import type { CopyChunk } from "./mod.ts";

/**
 * Collects rows of a table as a chunk of Postgres's COPY text format: a line each, cells between tabs.
 *
 * Rows are kept as text and turned to bytes at the end, which is cheaper than cell by cell. What was added after a mark
 * can be taken back, for a record whose later rows fail.
 */
export class CopyEncoder {
  readonly #columns: readonly { readonly name: string; readonly write: (value: unknown) => string }[];
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];

  constructor(columns: readonly ColumnSpec[]) {
    this.#columns = columns.map((column) => ({ name: column.name, write: cellWriter(column) }));
  }

  /** How many rows there are since the last chunk. */
  get count(): number {
    return this.#lines.length;
  }

  /**
   * Adds a row; properties that are not columns are left out.
   *
   * @throws {TypeError} when a value does not fit its column; nothing of the row is added then.
   */
  add(row: Readonly<Record<string, unknown>>): void {
    let line = "";
    let end = "";
    for (const { name, write } of this.#columns) {
      line += end + write(row[name]);
      end = "\t";
    }
    this.#lines.push(line);
  }

  /** A point to roll back to, until the next chunk. */
  mark(): number {
    return this.#lines.length;
  }

  /** Takes back the rows that were added since the mark. */
  rollback(mark: number): void {
    this.#lines.length = mark;
  }

  /** Gives what was added, in a buffer of its own that can be transferred, and starts the next chunk. */
  finish(): CopyChunk {
    const lines = this.#lines;
    this.#lines = [];
    const count = lines.length;
    if (count > 0) lines.push(""); // for the last line's end
    return { count, bytes: this.#encoder.encode(lines.join("\n")) };
  }
}
