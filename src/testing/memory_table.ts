import type { JsonValue } from "../columns.ts";
import { describeError } from "../errors.ts";
import { merges } from "../merge.ts";
import type { FoldedColumns, WarehouseColumn, WarehouseTable } from "../warehouse/mod.ts";
import { type CellValue, compareCells, keyOf, readText, type TableRow } from "./copy_rows.ts";

/** What a column of states holds in here. */
type States = readonly JsonValue[];

const [start, end] = ["window_start", "window_end"] as const;

/** A table of the warehouse in memory: it merges rows as `src/warehouse/table_sql.ts` does. */
export class MemoryTable {
  readonly #table: WarehouseTable;
  readonly #rows = new Map<string, TableRow>();

  constructor(table: WarehouseTable) {
    this.#table = table;
  }

  /** What it holds, in the key's order, with what is computed of it. */
  get rows(): TableRow[] {
    return this.#sorted([...this.#rows.values()]).map((row) => this.#whole(row));
  }

  /** Takes everything back that is written after it. */
  mark(): () => void {
    const before = [...this.#rows];
    return () => {
      this.#rows.clear();
      for (const [key, row] of before) this.#rows.set(key, row);
    };
  }

  /**
   * Writes rows; gives those that were added or changed, each as it is in the end, in the key's order.
   *
   * @param refused Told of a row that functions of the pipeline cannot merge; it is left out.
   */
  write(rows: readonly TableRow[], refused: (row: number, reason: string) => void = () => {}): TableRow[] {
    const written = new Set<string>();
    for (const [i, row] of rows.entries()) {
      const undo = this.#table.folds && this.mark();
      const given = this.#table.sessions ? this.#absorb(row) : row;
      const key = keyOf(given, this.#table.key);
      const held = this.#rows.get(key);
      try {
        this.#rows.set(key, this.#folded(held ? this.#merged(held, given) : given));
        written.add(key);
      } catch (error) {
        undo?.();
        refused(i, (error as Error).message);
      }
    }
    return this.#sorted([...written].filter((key) => this.#rows.has(key)).map((key) => this.#rows.get(key)!))
      .map((row) => this.#whole(row));
  }

  /** Removes the windows that end at or before a time; gives them in the order of their ends, then of the key. */
  close(watermark: number): TableRow[] {
    const closed: TableRow[] = [];
    for (const [key, row] of this.#rows) {
      if ((row[end] as Date).getTime() > watermark) continue;
      this.#rows.delete(key);
      closed.push(row);
    }
    return this.#sorted(closed).sort((a, b) => compareCells(a[end]!, b[end]!)).map((row) => this.#whole(row));
  }

  /** Removes the rows for which this holds. */
  remove(holds: (row: TableRow) => boolean): void {
    for (const [key, row] of this.#rows) if (holds(row)) this.#rows.delete(key);
  }

  /** A session together with those of its key that it overlaps, which go. */
  #absorb(row: TableRow): TableRow {
    const names = this.#table.key.filter((name) => name !== start);
    const own = keyOf(row, names);
    let whole = row;
    for (const [key, other] of this.#rows) {
      if (keyOf(other, names) !== own || other[start]! >= whole[end]! || whole[start]! >= other[end]!) {
        continue;
      }
      this.#rows.delete(key);
      whole = {
        ...this.#merged(other, whole),
        [start]: other[start]! < whole[start]! ? other[start]! : whole[start]!,
        [end]: other[end]! > whole[end]! ? other[end]! : whole[end]!,
      };
    }
    return whole;
  }

  #merged(held: TableRow, given: TableRow): TableRow {
    const row = Object.fromEntries(
      this.#table.columns.map((column) => [column.name, merged(column, held, given)]),
    );
    for (const { state } of this.#folds) row[state] = [...held[state] as States, ...given[state] as States];
    return row;
  }

  /** A row whose lists of states have become one state each, still in a list, and their results. */
  #folded(row: TableRow): TableRow {
    const changes: Record<string, CellValue> = {};
    for (const { name, state, result, fold } of this.#folds) {
      try {
        const states = row[state] as States;
        const text = states.length === 1 ? JSON.stringify(states[0]) : fold.merge(states);
        const made = fold.result(JSON.parse(text));
        const { type } = this.#table.columns.find((column) => column.name === result)!;
        changes[state] = [JSON.parse(text)];
        changes[result] = made === null ? null : readText(type, made);
      } catch (error) {
        throw new Error(`${name}: ${describeError(error)}`, { cause: error });
      }
    }
    return { ...row, ...changes };
  }

  #whole(row: TableRow): TableRow {
    const states = this.#folds.map(({ state }) => [state, (row[state] as States)[0]!]);
    const computed = this.#table.computed.map(({ name, of }) => [name, of(row) as CellValue]);
    return { ...row, ...Object.fromEntries(states), ...Object.fromEntries(computed) };
  }

  get #folds(): readonly FoldedColumns[] {
    return this.#table.folds ?? [];
  }

  #sorted(rows: TableRow[]): TableRow[] {
    return sortedBy(rows, this.#table.key);
  }
}

/** Rows in the order of these columns. */
export function sortedBy(rows: readonly TableRow[], columns: readonly string[]): TableRow[] {
  return rows.toSorted((a, b) => {
    for (const name of columns) {
      const order = compareCells(a[name]!, b[name]!);
      if (order !== 0) return order;
    }
    return 0;
  });
}

function merged({ name, merge }: WarehouseColumn, held: TableRow, given: TableRow): CellValue {
  const [before, brought] = [held[name]!, given[name]!];
  if (merge === "keep") return before;
  if (merge === "replace" || before === null) return brought;
  if (brought === null) return before;
  return merges[merge](before as never, brought as never) as CellValue;
}
