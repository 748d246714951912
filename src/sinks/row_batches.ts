import { type CellRows, ValueReader } from "./cells.ts";

/** How a table's rows are cut into batches. */
export interface Batching {
  /** Columns of the table. */
  readonly width: number;
  /** Which column is the partition key. */
  readonly partition: number;
  /** How many columns the primary key has. */
  readonly keyColumns: number;
  /** The most bytes in a batch of more than one row, as {@linkcode Batch.bytes} counts. */
  readonly maxBytes: number;
  /**
   * Names the nodes that hold a partition key, the same string for the same nodes; a batch then never spans two such
   * sets. Absent when every node has every row.
   */
  readonly replicas?: (partitionKey: Uint8Array) => string;
}

/** Rows that go to the server in one request. */
export interface Batch {
  /** Indexes into the rows. */
  readonly rows: number[];
  /** The size as Cassandra counts it against its batch thresholds. */
  bytes: number;
}

/** The batches of some rows, and where each row starts in their bytes; the end of the last row comes after them. */
export interface BatchedRows {
  readonly batches: readonly Batch[];
  readonly starts: Float64Array;
}

// What Cassandra 5 adds to the values when it measures a batch: for a row its timestamps and deletion marks, for
// a cell its timestamp, time to live and deletion time. The partition key itself isn't counted, but so little is
// lost by counting it that it is.
const rowBytes = 50;
const cellBytes = 20;
/** The protocol counts a batch's statements in 16 bits. */
const maxRows = 65_535;

/** Cuts rows into batches, in order of arrival within each replica set. */
export function batchRows(
  rows: CellRows,
  { width, partition, keyColumns, maxBytes, replicas }: Batching,
): BatchedRows {
  const { count, bytes } = rows;
  const reader = new ValueReader(bytes);
  const starts = new Float64Array(count + 1);
  const batches: Batch[] = [];
  /** The batch that is still being filled, of each replica set. */
  const open = new Map<string, Batch>();
  for (let row = 0; row < count; row++) {
    let size = rowBytes - keyColumns * cellBytes;
    let set = "";
    for (let column = 0; column < width; column++) {
      const length = reader.skip();
      if (length < 0) continue;
      size += length + cellBytes;
      if (column === partition && replicas) set = replicas(bytes.subarray(reader.at - length, reader.at));
    }
    reader.skip(); // its write time
    starts[row + 1] = reader.at;
    const filling = open.get(set);
    if (filling && filling.bytes + size <= maxBytes && filling.rows.length < maxRows) {
      filling.rows.push(row);
      filling.bytes += size;
    } else {
      const batch = { rows: [row], bytes: size };
      open.set(set, batch);
      batches.push(batch);
    }
  }
  return { batches, starts };
}
