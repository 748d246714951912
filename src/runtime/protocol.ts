/**
 * What main and the partition workers say to each other. Records go over as packed buffers, rows come back as the
 * bytes that the writers send; both are transferred. A worker handles its messages one by one, in order.
 */
import type { KeyValue } from "../operators/aggregate.ts";
import type { ReferenceRow } from "../operators/reference_rows.ts";
import type { Offset, PackedRecords } from "../record.ts";
import type { CellRows } from "../sinks/cells.ts";
import type { Checkpoint, CopyChunk } from "../warehouse/mod.ts";

export type ToWorker =
  /** Imports a pipeline's module; answered by `opened` or `open-failed`. */
  | { readonly kind: "open"; readonly pipeline: string; readonly module: string }
  /**
   * Starts a partition from a checkpoint, before its first slice and whenever it starts over. Pages of its operators'
   * states follow. `starts` are, for each output, the offset of the first record that it is to get; null or absent: the
   * checkpoint's.
   */
  | {
    readonly kind: "assign";
    readonly pipeline: string;
    readonly checkpoint: Checkpoint;
    readonly starts: readonly (Offset | null)[];
  }
  /** Takes over a page of operators' states, see `Warehouse.states`; answered by `loaded` or `failed`. */
  | {
    readonly kind: "load";
    readonly request: number;
    readonly pipeline: string;
    readonly partition: number;
    readonly page: string;
  }
  /** Raises the watermark of a partition that was idle. */
  | {
    readonly kind: "wake";
    readonly pipeline: string;
    readonly partition: number;
    readonly watermark: number;
  }
  /** Sets the rows of a reference table, by the texts of their keys; what follows is joined with them. */
  | {
    readonly kind: "refer";
    readonly pipeline: string;
    readonly table: string;
    readonly rows: ReadonlyMap<string, ReferenceRow>;
  }
  /** Processes records; answered by `done` or `failed` with the same number. */
  | { readonly kind: "process"; readonly request: number; readonly task: TaskInput };

export type FromWorker =
  | { readonly kind: "opened"; readonly pipeline: string }
  | { readonly kind: "open-failed"; readonly pipeline: string; readonly error: string }
  | { readonly kind: "done"; readonly request: number; readonly output: TaskOutput }
  | { readonly kind: "loaded"; readonly request: number }
  | { readonly kind: "failed"; readonly request: number; readonly error: string }
  /** A promise that a pipeline's function made was rejected, and nobody took the error. */
  | { readonly kind: "unhandled"; readonly error: string };

/** Records of one pipeline for one worker, of one or more of its partitions. */
export interface TaskInput {
  readonly pipeline: string;
  readonly slices: readonly SliceInput[];
  /** For each output, the key types of its aggregate's table; null where there is none, or none yet. */
  readonly keyTypes: readonly (KeyTypes | null)[];
}

/** The next records of one partition. */
export interface SliceInput {
  readonly partition: number;
  readonly records: PackedRecords;
  /** Records that a sink refused in an earlier attempt: they go to the dead letters at once. */
  readonly refused: readonly Refusal[];
}

export interface Refusal {
  readonly offset: Offset;
  /** Where it failed: `write users`. */
  readonly stage: string;
  readonly reason: string;
}

export interface TaskOutput {
  readonly slices: readonly SliceOutput[];
  /** In the order of the pipeline's outputs. */
  readonly outputs: readonly OutputRows[];
  readonly deadLetters: PackedRecords;
  /** The states of operators that changed, a row each, see `stateTable`; absent when no operator keeps any. */
  readonly states?: CopyChunk;
  /** Milliseconds that the worker was busy with it. */
  readonly busy: number;
}

export interface SliceOutput {
  readonly writeTime: number;
  readonly eventTime: number | null;
  readonly watermark: number | null;
  readonly counts: SliceCounts;
}

/** How the records of a slice ended: in = out + filtered + deadLettered. Late and early ones are among those. */
export interface SliceCounts {
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly late: number;
  /** Their event time is further ahead of the clock than may move the watermark. */
  readonly ahead: number;
}

/** What one output of a pipeline got. `sources` are the indexes, over all slices, of the records that rows came from. */
export type OutputRows =
  | { readonly kind: "cells"; readonly rows: CellRows; readonly sources: Uint32Array }
  | { readonly kind: "copy"; readonly chunk: CopyChunk; readonly sources: Uint32Array }
  | { readonly kind: "records"; readonly records: PackedRecords; readonly sources: Uint32Array }
  | {
    readonly kind: "groups";
    readonly chunk: CopyChunk;
    readonly keyTypes: KeyTypes | null;
    /** The records of the groups, and beside each the row of its group. */
    readonly sources: Uint32Array;
    readonly groups: Uint32Array;
  };

/** The column types of an aggregate's key, found from its first record; null before it. */
export type KeyTypes = Readonly<Record<string, KeyType>>;
export type KeyType = "text" | "double" | "bigint" | "boolean";

/** Undefined for what is no {@linkcode KeyValue}, whatever its type says. */
export function keyTypeOf(value: KeyValue): KeyType | undefined {
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "double";
    case "bigint":
      return "bigint";
    case "boolean":
      return "boolean";
  }
  return undefined;
}

/** Whether two keys have the same columns of the same types in the same order. */
export function sameKeyTypes(a: KeyTypes, b: KeyTypes): boolean {
  return JSON.stringify(Object.entries(a)) === JSON.stringify(Object.entries(b));
}

/** The buffers of an output that are handed over. */
export function transferables(output: TaskOutput): ArrayBuffer[] {
  const views: ArrayBufferLike[] = [output.deadLetters.buffer];
  if (output.states) views.push(output.states.bytes.buffer);
  for (const rows of output.outputs) {
    views.push(rows.sources.buffer);
    if (rows.kind === "groups") views.push(rows.groups.buffer);
    if (rows.kind === "cells") {
      views.push(rows.rows.bytes.buffer);
    } else if (rows.kind === "records") views.push(rows.records.buffer);
    else views.push(rows.chunk.bytes.buffer);
  }
  return [...new Set(views)] as ArrayBuffer[];
}
