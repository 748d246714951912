/**
 * Rows for a converging table as a worker hands them over: every cell already in CQL's binary encoding
 * (native protocol v4, section 6), end to end in one buffer, so that the main thread copies and parses nothing.
 */
export interface CellRows {
  readonly count: number;
  /** All cells of all rows, in column order, without lengths between them. */
  readonly bytes: Uint8Array;
  /** The cells' lengths in bytes, row after row; -1 for a cell that is not set. */
  readonly lengths: Int32Array;
  /** The write timestamp of each row, in microseconds since 1970. */
  readonly timestamps: Float64Array;
}
