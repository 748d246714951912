import { isJoin } from "../../src/operators/join.ts";
import { referenceRows } from "../../src/operators/reference_rows.ts";
import type { Pipeline } from "../../src/pipeline.ts";
import { PlanExecutor } from "../../src/runtime/execute.ts";
import { type PackableRecord, PackedReader, packRecords } from "../../src/packed_records.ts";
import type { OutputRows, SliceCounts, TaskOutput } from "../../src/runtime/protocol.ts";
import { freshCheckpoint } from "./fresh_checkpoint.ts";

const utf8 = new TextEncoder();

/** A record with a value as JSON, or as text when it is one; its timestamp is its offset in seconds. */
export function recordOf(offset: number, value: unknown, timestamp: number = offset * 1_000): PackableRecord {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { offset, timestamp, key: null, value: utf8.encode(text), headers: [] };
}

/** What a plan makes of values, one record each, in one batch, with reference tables whose rows it holds itself: the lines of each output, and how records ended. */
export function runPlan(plan: Pipeline, values: readonly unknown[]): {
  readonly lines: string[][];
  readonly counts: SliceCounts;
  readonly deadLetters: { readonly stage: string; readonly error: string }[];
} {
  const executor = new PlanExecutor(plan);
  executor.assign(freshCheckpoint());
  for (const { operator } of plan.nodes) {
    if (!isJoin(operator) || operator.table.from.kind !== "rows") continue;
    executor.refer(operator.table.name, referenceRows(operator.table, operator.table.from.rows));
  }
  const records = packRecords(values.map((value, offset) => recordOf(offset, value)));
  const output = executor.process({
    pipeline: plan.name,
    slices: [{ partition: 0, records, refused: [] }],
    keyTypes: plan.outputs.map(() => null),
  });
  return {
    lines: output.outputs.map(linesOf),
    counts: output.slices[0]!.counts,
    deadLetters: deadLettersOf(output),
  };
}

/** The rows of an output as COPY's lines, or the values of its records. */
export function linesOf(rows: OutputRows): string[] {
  const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? new Uint8Array());
  if (rows.kind === "copy" || rows.kind === "groups") return text(rows.chunk.bytes).split("\n").slice(0, -1);
  if (rows.kind === "records") {
    return new PackedReader(rows.records).produced().map(({ value }) => text(value));
  }
  throw new Error(`no lines of ${rows.kind}`);
}

/** Where records failed, and why. */
export function deadLettersOf(output: TaskOutput): { readonly stage: string; readonly error: string }[] {
  return new PackedReader(output.deadLetters).produced().map(({ headers }) => {
    const header = (name: string) =>
      new TextDecoder().decode(headers.find(({ key }) => key === name)?.value ?? new Uint8Array());
    return { stage: header("weir.stage"), error: header("weir.error") };
  });
}
