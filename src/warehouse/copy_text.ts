import { ByteBuffer } from "../byte_buffer.ts";
import type { ColumnSpec } from "../columns.ts";
import { cellWriter } from "./copy_cell.ts";
import type { CopyChunk } from "./mod.ts";

/**
 * Collects rows of a table as a chunk of Postgres's COPY text format: a line each, cells between tabs. It runs once for
 * every cell, and makes no objects for text that stands for itself.
 */
export class CopyEncoder {
  readonly #columns: readonly CompiledColumn[];
  readonly #buffer = new ByteBuffer();
  #count = 0;
  readonly #marked = { count: 0, bytes: 0 };

  constructor(columns: readonly ColumnSpec[]) {
    this.#columns = columns.map((column) => ({
      name: column.name,
      text: column.type === "text",
      write: cellWriter(column),
    }));
  }

  /** How many rows there are since the last chunk. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a row; properties that are not columns are left out.
   *
   * @throws {TypeError} when a value does not fit its column; nothing of the row is added then.
   */
  add(row: Readonly<Record<string, unknown>>): void {
    const buffer = this.#buffer;
    const start = buffer.length;
    try {
      for (let i = 0; i < this.#columns.length; i++) {
        if (i > 0) buffer.byte(tab);
        const { name, text, write } = this.#columns[i]!;
        const value = row[name];
        const plain = text && typeof value === "string" && value.length <= longestPlain;
        if (!plain || !buffer.ascii(value, plainAscii)) buffer.text(write(value));
      }
    } catch (error) {
      buffer.length = start;
      throw error;
    }
    buffer.byte(newline);
    this.#count++;
  }

  /** Sets the point to roll back to, for a record whose later rows fail. */
  mark(): void {
    this.#marked.count = this.#count;
    this.#marked.bytes = this.#buffer.length;
  }

  /** Takes back the rows that were added since the mark. */
  rollback(): void {
    this.#count = this.#marked.count;
    this.#buffer.length = this.#marked.bytes;
  }

  /** Gives what was added, in a buffer of its own that can be transferred, and starts the next chunk. */
  finish(): CopyChunk {
    const chunk: CopyChunk = { count: this.#count, bytes: this.#buffer.take() };
    this.#count = 0;
    this.mark();
    return chunk;
  }
}

interface CompiledColumn {
  readonly name: string;
  readonly text: boolean;
  readonly write: (value: unknown) => string;
}

const tab = 0x09;
const newline = 0x0a;

/** Text up to here is looked at and copied character by character, which is the faster way for short text. */
const longestPlain = 200;

/** The characters that stand for themselves in COPY's text format; `\0` is none, as Postgres cannot hold it. */
const plainAscii = new Uint8Array(128).fill(1);
for (const character of "\\\t\n\r\0") plainAscii[character.charCodeAt(0)] = 0;
