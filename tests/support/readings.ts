/** Readings of sensors, and a worker's work on them: batches of records go through a plan, in slices of partitions. */
import { json, kafka, type Pipeline } from "weir";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { type PackableRecord, packRecords } from "../../src/packed_records.ts";
import type { Refusal, SliceInput, TaskInput, TaskOutput } from "../../src/runtime/protocol.ts";
import { freshCheckpoint } from "./fresh_checkpoint.ts";

export const reading = {
  type: "record",
  name: "Reading",
  fields: [{ name: "sensor", type: "string" }, { name: "celsius", type: "double" }],
} as const;

/** A table of readings. */
export const columns = { sensor: "text", celsius: "double" } as const;
export const source = kafka("readings", { group: "g", codec: json(reading) });
export const good = { sensor: "a", celsius: 1.5 };

const utf8 = new TextEncoder();

export function text(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? new TextDecoder().decode(bytes) : null;
}

/** A record with a value as JSON, or as it is when it is bytes or null. */
export function record(offset: number, value: unknown, more: Partial<PackableRecord> = {}): PackableRecord {
  const bytes = value instanceof Uint8Array || value === null ? value : utf8.encode(JSON.stringify(value));
  return { offset, timestamp: 1_000_000 + offset, key: utf8.encode("k"), value: bytes, headers: [], ...more };
}

export function slice(records: PackableRecord[], refused: Refusal[] = [], partition = 3): SliceInput {
  return { partition, records: packRecords(records), refused };
}

/** What a plan makes of slices of partitions that had nothing before. */
export function run(plan: Pipeline, slices: SliceInput[], keyTypes: TaskInput["keyTypes"] = []): TaskOutput {
  const executor = new PlanExecutor(plan);
  for (const { partition } of slices) executor.assign(freshCheckpoint({ partition }));
  return executor.process({ pipeline: plan.name, slices, keyTypes });
}
