import { Buffer } from "node:buffer";

/** Some rows of one table, as they go to the server in one request. */
export interface RowBatch {
  /** Rows as `CellRows` holds them. */
  readonly bytes: Uint8Array;
  /** Where each row starts in the bytes, and behind them where the last one ends. */
  readonly starts: Float64Array;
  /** Indexes of the rows in this batch. */
  readonly rows: readonly number[];
  /** Values in a row. */
  readonly width: number;
}

/** What else a request says. */
export interface FrameOptions {
  /** The server's id of the prepared INSERT that all rows are for. */
  readonly queryId: Uint8Array;
  readonly consistency: number;
  /** Tells the answer's request on its connection. */
  readonly streamId: number;
}

/** The version of the native protocol that frames are in. */
export const frameVersion = 4;

const headerBytes = 9;
const batchOpcode = 0x0d;
const unlogged = 1;
const prepared = 1;

/**
 * A whole BATCH request (native protocol v4, sections 2 and 4.1.7), unlogged and without default timestamp or serial
 * consistency. Rows are copied as they are, so it costs little more than the copy.
 */
export function encodeBatch(
  { bytes, starts, rows, width }: RowBatch,
  { queryId, consistency, streamId }: FrameOptions,
): Buffer {
  const rowHeaderBytes = 1 + 2 + queryId.length + 2;
  let bodyBytes = 1 + 2 + rows.length * rowHeaderBytes + 2 + 1;
  for (const row of rows) bodyBytes += starts[row + 1]! - starts[row]!;

  const frame = Buffer.allocUnsafe(headerBytes + bodyBytes);
  frame[0] = frameVersion;
  frame[1] = 0; // no compression, tracing, payload
  frame.writeInt16BE(streamId, 2);
  frame[4] = batchOpcode;
  frame.writeInt32BE(bodyBytes, 5);
  frame[9] = unlogged;
  let at = frame.writeUInt16BE(rows.length, 10);
  const rowHeader = at;
  for (const row of rows) {
    if (at === rowHeader) {
      frame[at++] = prepared;
      at = frame.writeUInt16BE(queryId.length, at);
      frame.set(queryId, at);
      at = frame.writeUInt16BE(width, at + queryId.length);
    } else {
      frame.copyWithin(at, rowHeader, rowHeader + rowHeaderBytes);
      at += rowHeaderBytes;
    }
    const [start, end] = [starts[row]!, starts[row + 1]!];
    frame.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  at = frame.writeUInt16BE(consistency, at);
  frame[at] = 0; // nothing more follows
  return frame;
}
