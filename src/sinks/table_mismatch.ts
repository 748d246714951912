import { SchemaMismatch } from "../errors.ts";

/** A table as a store describes it, with the store's own names for types. */
export interface TableShape {
  readonly columns: ReadonlyMap<string, string>;
  /** The primary key's columns, in order. */
  readonly key: readonly string[];
}

/**
 * Checks that a table that is there already can take what is written to it. It may have more columns, but not in its
 * key.
 *
 * @throws {SchemaMismatch} with everything that does not fit: what is, what is expected, and what to do.
 */
export function checkTable(name: string, found: TableShape, expected: TableShape): void {
  const problems: string[] = [];
  for (const [column, type] of expected.columns) {
    const is = found.columns.get(column);
    if (is === undefined) problems.push(`column ${column} is missing, ${type} is expected`);
    else if (is !== type) problems.push(`column ${column} is ${is}, ${type} is expected`);
  }
  const [is, wanted] = [found.key.join(", "), expected.key.join(", ")];
  if (is !== wanted) problems.push(`the primary key is (${is}), (${wanted}) is expected`);
  if (problems.length === 0) return;
  throw new SchemaMismatch(
    `Table ${name} is there already and does not fit: ${problems.join("; ")}. ` +
      "Alter or drop the table, change the pipeline's columns, or write to a table of another name",
  );
}
