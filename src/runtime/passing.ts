import { isRecordTopic, keepsStates, type Pipeline } from "../pipeline.ts";
import type { ProducedRecord } from "../record.ts";
import type { Output } from "../stream.ts";
import type { WarehouseTable } from "../warehouse/mod.ts";

/**
 * Records of a topic that pass through the warehouse's outbox, since the pipeline keeps states: made again for a topic
 * that is behind, they could tell of a state that never came to be.
 */
export const passedColumns: WarehouseTable["columns"] = [
  { name: "key", type: "bytes", optional: true, merge: "keep" },
  { name: "value", type: "bytes", optional: false, merge: "keep" },
  { name: "timestamp", type: "double", optional: false, merge: "keep" },
];

/** Whether an output's records pass through the outbox. */
export function isPassing(plan: Pipeline, output: Output): boolean {
  return isRecordTopic(plan, output) && keepsStates(plan);
}

/** What a batch's records are written as: rows of no table, which go to a stream. */
export function passingTable(stream: string): WarehouseTable {
  const columns = passedColumns;
  const outbox = { stream, columns };
  return {
    schema: "weir",
    table: `passing ${stream}`,
    columns,
    key: [],
    computed: [],
    passing: true,
    outbox,
  };
}

/** A record as it comes out of the outbox. */
export function passedRecord(row: Readonly<Record<string, unknown>>): ProducedRecord {
  const { key, value, timestamp } = row as {
    key: Uint8Array | null;
    value: Uint8Array;
    timestamp: number;
  };
  return { key, value, timestamp, headers: [] };
}
