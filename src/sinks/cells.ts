/**
 * Rows for a converging table as a worker hands them over: laid out as the parameters of an INSERT in a Cassandra
 * request (native protocol v4, sections 3 and 6), so that the main thread only copies whole rows.
 */
export interface CellRows {
  readonly count: number;
  /**
   * All rows end to end. A row is a value for each column, in column order, and then its write time in microseconds
   * since 1970, as a bigint. A value is its length in bytes as an int32, big-endian, and its bytes in CQL's binary
   * encoding; {@linkcode unsetLength} stands alone for a cell that is not set.
   */
  readonly bytes: Uint8Array;
}

/** The length of a value that leaves its cell as it was. */
export const unsetLength = -2;

/** Reads values one after the other. */
export class ValueReader {
  /** Where the next value's length is. */
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next value, as a view; undefined for a cell that is not set. */
  next(): Uint8Array | undefined {
    const length = this.skip();
    return length < 0 ? undefined : this.#bytes.subarray(this.at - length, this.at);
  }

  /** Passes over the next value, and returns its length. */
  skip(): number {
    const length = this.#view.getInt32(this.at);
    this.at += 4 + Math.max(0, length);
    return length;
  }

  /** The next value as a number, which a write time is. */
  nextTime(): number {
    const length = this.skip();
    return Number(this.#view.getBigInt64(this.at - length));
  }
}
