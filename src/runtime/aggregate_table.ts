import { createHash } from "node:crypto";
import type { ColumnSpec } from "../columns.ts";
import type { AggregateSpec } from "../operators/aggregate.ts";
import { windowColumns } from "../operators/result_names.ts";
import type { PostgresTable } from "../pipeline.ts";
import type { Sink } from "../stream.ts";
import type {
  ComputedColumn,
  FoldedColumns,
  SourceName,
  TableName,
  WarehouseColumn,
  WarehouseTable,
} from "../warehouse/mod.ts";
import type { OutboxTarget } from "../warehouse/outbox.ts";
import type { KeyTypes } from "./protocol.ts";

/** The warehouse's table for plain rows. */
export function rowTable(sink: PostgresTable<never>): WarehouseTable {
  const merge = sink.onConflict === "ignore" ? "keep" : "replace";
  return {
    schema: sink.schema,
    table: sink.table,
    columns: sink.columns.map((column) => ({
      ...column,
      merge: sink.key.includes(column.name) ? "keep" : merge,
    })),
    key: sink.key,
    computed: [],
  };
}

/**
 * The warehouse's table that an aggregate is merged in: window bounds, key columns, and for each result its
 * accumulators, under the result's own name when one number is all it needs, else beside a column that the database
 * computes from them, or that is written with them when functions make it.
 */
export function aggregateTable(
  { schema, table }: TableName,
  spec: AggregateSpec<never>,
  keyTypes: KeyTypes,
): WarehouseTable {
  const results: WarehouseColumn[] = [];
  const computed: ComputedColumn[] = [];
  const folds: FoldedColumns[] = [];
  for (const [name, aggregate] of Object.entries(spec.compute)) {
    for (const { suffix, type, merge } of aggregate.accumulators) {
      results.push({
        name: name + suffix,
        type,
        optional: false,
        merge: merge === "fold" ? "replace" : merge,
      });
    }
    const { folded } = aggregate;
    if (folded) {
      const state = name + aggregate.accumulators[0]!.suffix;
      folds.push({ name: `${aggregate.kind} "${name}"`, state, result: name, fold: folded });
    }
    if (aggregate.result === undefined) continue;
    const { expression, of, type } = aggregate.result;
    const columns = aggregate.accumulators.map(({ suffix }) => name + suffix);
    computed.push({
      name,
      type,
      expression: expression.replace(/\$(\d)/g, (_, i) => `"${columns[i]}"`),
      of: (row) => of(...columns.map((column) => row[column] as never)),
    });
  }
  const { columns, key } = groupColumns(spec, keyTypes);
  return {
    schema,
    table,
    columns: [...columns, ...results, ...resultColumns(spec).filter(isFolded(folds)).map(replaced)],
    key,
    computed,
    ...(folds.length > 0 && { folds }),
    ...(spec.window?.kind === "session" && { sessions: true }),
  };
}

/** The warehouse's table for an aggregate's final results: window bounds, key columns, and the results alone. */
export function finalTable(
  { schema, table }: TableName,
  spec: AggregateSpec<never>,
  keyTypes: KeyTypes,
): WarehouseTable {
  const { columns, key } = groupColumns(spec, keyTypes);
  return { schema, table, columns: [...columns, ...resultColumns(spec).map(replaced)], key, computed: [] };
}

/** What of an aggregate goes to another place than the warehouse. */
export function outboxTarget(stream: string, spec: AggregateSpec<never>, keyTypes: KeyTypes): OutboxTarget {
  const { columns } = groupColumns(spec, keyTypes);
  const group = columns.map(({ name, type, optional }) => ({ name, type, optional }));
  return { stream, columns: [...group, ...resultColumns(spec)] };
}

/**
 * The columns of a batch's rows, as a worker writes them: states are in a list, and there is no result of them before they
 * are merged with what the table holds.
 */
export function batchColumns({ columns, folds = [] }: WarehouseTable): WarehouseColumn[] {
  const isResult = isFolded(folds);
  return columns.map((column) => isResult(column) ? { ...column, optional: true } : column);
}

function isFolded(folds: readonly FoldedColumns[]): (column: ColumnSpec) => boolean {
  return ({ name }) => folds.some(({ result }) => result === name);
}

function resultColumns(spec: AggregateSpec<never>): ColumnSpec[] {
  return Object.entries(spec.compute).map(([name, { accumulators, result, folded }]) => {
    const made = folded ?? result;
    return { name, type: made?.type ?? accumulators[0]!.type, optional: made?.optional ?? false };
  });
}

function replaced(column: ColumnSpec): WarehouseColumn {
  return { ...column, merge: "replace" };
}

/** What identifies a group, in the order that all tables have it in. */
function groupColumns(
  spec: AggregateSpec<never>,
  keyTypes: KeyTypes,
): { columns: WarehouseColumn[]; key: string[] } {
  const keys = Object.entries(keyTypes).map(([name, type]) => ({ name, type }));
  const bounds = spec.window ? windowColumns.map((name) => ({ name, type: "timestamp" as const })) : [];
  return {
    columns: [...bounds, ...keys].map((column) => ({ ...column, optional: false, merge: "keep" })),
    key: [...(spec.window ? [windowColumns[0]] : []), ...keys.map(({ name }) => name)],
  };
}

/** Whether an aggregate is merged in a table of Weir's own, and its results go from there to its sink. */
export function isMergedApart(sink: Sink<never>, spec: AggregateSpec<never>): boolean {
  return spec.results === "final" || sink.kind !== "postgres";
}

/** Where the open windows of such an output are kept, one table for each source and sink; its stream has the same name. */
export function openWindows(source: SourceName, sink: Sink<never>): TableName {
  return { schema: "weir_windows", table: ownName(source, sink) };
}

/**
 * The stream of records that pass through the outbox on their way to a sink. It is not that of an aggregate's results to
 * the same sink, for a pipeline may be changed from one to the other while some wait.
 */
export function recordStream(source: SourceName, sink: Sink<never>): string {
  return ownName(source, sink, "records");
}

/** A name for what belongs to one source and sink. */
function ownName({ group, topic }: SourceName, { kind, name }: Sink<never>, ...of: string[]): string {
  const id = createHash("sha256").update(JSON.stringify([group, topic, kind, name, ...of])).digest("hex");
  return `${name.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_").slice(0, 40)}_${id.slice(0, 12)}`;
}
