import { isRecordTopic, keepsStates, type Pipeline, type TopicSink } from "../pipeline.ts";
import type { Output } from "../stream.ts";
import type { WarehouseTable } from "../warehouse/mod.ts";
import { timesHeader } from "./carried_times.ts";
import type { RecordOf } from "./stream_delivery.ts";

/**
 * Records of a topic that pass through the warehouse's outbox, since the pipeline keeps states: made again for a topic
 * that is behind, they could tell of a state that never came to be.
 */
export const passedColumns: WarehouseTable["columns"] = [
  { name: "key", type: "bytes", optional: true, merge: "keep" },
  { name: "value", type: "bytes", optional: false, merge: "keep" },
  { name: "timestamp", type: "double", optional: false, merge: "keep" },
  { name: "event_time", type: "double", optional: false, merge: "keep" },
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

/** Makes records of a topic of what comes out of the outbox. */
export function passedBy({ repartition }: TopicSink<never>): RecordOf {
  return (row) => {
    const { key, value, timestamp, event_time: eventTime } = row as unknown as PassedRow;
    return repartition
      ? { key, value, headers: [timesHeader({ timestamp, eventTime }, repartition.group)] }
      : { key, value, headers: [], timestamp };
  };
}

interface PassedRow {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly timestamp: number;
  readonly event_time: number;
}
