import type { Pipeline } from "../pipeline.ts";
import type { CopyChunk, Move, RefusedRows, SourceName, TableRows, Transaction } from "../warehouse/mod.ts";
import type { RefusedSource } from "./delivery.ts";
import type { Slice, Task } from "./lane.ts";
import type { OutputTables } from "./output_tables.ts";
import type { OutputRows } from "./protocol.ts";

/** The pipeline that tasks are of, and the tables that their rows go to. */
export interface TaskTransactionOptions {
  readonly plan: Pipeline;
  readonly source: SourceName;
  readonly tables: OutputTables;
}

/**
 * What tasks bring into the warehouse, as one transaction, and the way back: from a row that it refuses to the records
 * behind that row.
 */
export class TaskTransaction {
  readonly transaction: Transaction;
  /** The outputs whose rows are in it: for each of the transaction's tables, the one behind it. */
  readonly outputs: readonly number[];
  readonly #plan: Pipeline;
  readonly #tasks: readonly Task[];

  constructor(
    { plan, source, tables }: TaskTransactionOptions,
    tasks: readonly Task[],
    moves: readonly Move[],
  ) {
    this.#plan = plan;
    this.#tasks = tasks;
    const written = tables.outputs.flatMap((output) => {
      const rows = rowsOf(output, tables, tasks);
      return rows ? [{ output, rows }] : [];
    });
    this.outputs = written.map(({ output }) => output);
    this.transaction = { source, moves, tables: written.map(({ rows }) => rows), ...statesOf(tasks) };
  }

  /** The records behind refused rows, by task. */
  refusedSources({ refused }: RefusedRows): Map<Task, RefusedSource[]> {
    const byTask = new Map<Task, RefusedSource[]>();
    for (const { table, chunk, row, reason } of refused) {
      const output = this.outputs[table]!;
      const task = this.#tasks.filter((each) => chunkOf(each, output).count > 0)[chunk]!;
      const rows = task.output!.outputs[output]!;
      const stage = `write ${this.#plan.outputs[output]!.sink.name}`;
      const sources = byTask.get(task) ?? [];
      for (const source of sourcesOf(rows, row)) sources.push({ source, stage, reason });
      byTask.set(task, sources);
    }
    return byTask;
  }
}

/** The records behind a row: one, or all that its group took in. */
export function sourcesOf(rows: OutputRows, row: number): number[] {
  if (rows.kind === "copy") return [rows.sources[row]!];
  if (rows.kind !== "groups") return [];
  return [...rows.sources].filter((_, i) => rows.groups[i] === row);
}

/** One move per partition, from its first new slice to its last; undefined when slices do not follow one another. */
export function movesOf(tasks: readonly Task[]): Move[] | undefined {
  const moves = new Map<number, { first: Slice; move: Move }>();
  for (const task of tasks) {
    for (const [i, slice] of task.slices.entries()) {
      if (slice.replayed) continue;
      const { partition, epoch } = slice.partition.checkpoint;
      const { writeTime, eventTime, watermark } = task.output!.slices[i]!;
      const before = moves.get(partition);
      if (before && (before.first.partition !== slice.partition || before.move.next !== slice.from)) {
        return undefined;
      }
      const first = before?.first ?? slice;
      moves.set(partition, {
        first,
        move: { partition, epoch, from: first.from, next: slice.next, writeTime, eventTime, watermark },
      });
    }
  }
  return [...moves.values()].map(({ move }) => move).sort((a, b) => a.partition - b.partition);
}

function rowsOf(output: number, tables: OutputTables, tasks: readonly Task[]): TableRows | undefined {
  const table = tables.of(output);
  const chunks = tasks.map((task) => chunkOf(task, output)).filter((chunk) => chunk.count > 0);
  return table && chunks.length > 0 ? { table, chunks } : undefined;
}

function chunkOf(task: Task, output: number): CopyChunk {
  const rows = task.output!.outputs[output]!;
  if (rows.kind === "copy" || rows.kind === "groups") return rows.chunk;
  throw new Error(`output ${output} has no rows for the warehouse, but ${rows.kind}`);
}

/** The states of operators that changed, in order; nothing when none did. */
function statesOf(tasks: readonly Task[]): Pick<Transaction, "states"> {
  const states = tasks.flatMap((task) => task.output!.states ?? []).filter(({ count }) => count > 0);
  return states.length > 0 ? { states } : {};
}
