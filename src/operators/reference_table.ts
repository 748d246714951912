import { columnProblems, type Columns, type ColumnSpec, columnSpecs, type RowOf } from "../columns.ts";
import type { Duration } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import { shown } from "../shown.ts";
import { checkOptions, durationOf } from "./options.ts";
import { referenceRows } from "./reference_rows.ts";

/** Where a reference table's rows come from. */
export type ReferenceSource =
  | { readonly kind: "rows"; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly kind: "csv" | "json"; readonly file: string | URL }
  | { readonly kind: "sql"; readonly query: string; readonly urlVariable?: string };

/** A small table that every worker has whole. Plain data: the main thread reads it when the process starts. */
export interface ReferenceTable<out R, out K> {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  readonly key: string;
  readonly from: ReferenceSource;
  /** Milliseconds from one reading to the next; Infinity: it is read once. */
  readonly refresh: number;
  /** Carries the types only; there is never a value. */
  readonly types?: { readonly row: R; readonly key: K };
}

/** The options of {@linkcode referenceTable}. */
export interface ReferenceTableOptions<C extends Columns, N extends keyof C & string> {
  readonly columns: C;
  /** The column that `join` looks rows up by; no two rows may have the same. */
  readonly key: N;
  /** The rows themselves, or what {@linkcode csvFile}, {@linkcode jsonFile} or {@linkcode sqlQuery} gives. */
  readonly from: ReferenceSource | readonly RowOf<C>[];
  /** How often to read it again. Default: never. */
  readonly refresh?: Duration;
}

/**
 * A table to `join` with: up to 200,000 rows, read before the first record flows. It is read again every `refresh`
 * without stopping anything; when that fails, or what was read does not fit, the rows from before stay, and the status
 * says why. Columns that are not named are left out.
 *
 * @throws {ConfigError} with what is wrong with its columns, its key, or the rows given.
 * @throws {TypeError} when an option is not known, or `refresh` is not a duration.
 *
 * @example
 * ```ts
 * import { csvFile, referenceTable } from "weir";
 * const sites = referenceTable("sites", {
 *   columns: { site: "text", region: "text", visitors: "int?" },
 *   key: "site",
 *   from: csvFile(new URL("./sites.csv", import.meta.url)),
 *   refresh: "1m",
 * });
 * ```
 */
export function referenceTable<const C extends Columns, const N extends keyof C & string>(
  name: string,
  options: ReferenceTableOptions<C, N>,
): ReferenceTable<RowOf<C>, NonNullable<RowOf<C>[N & keyof RowOf<C>]>> {
  const what = `referenceTable("${name}")`;
  checkOptions(what, options, ["columns", "key", "from", "refresh"]);
  const { columns, key, from, refresh } = options;
  const problems = columnProblems(columns, [key]).map((problem) => `${what} ${problem}`);
  if (problems.length > 0) throw new ConfigError(problems);
  if (typeof from !== "object" || from === null) {
    throw new TypeError(`${what}: "from" is ${shown(from)}; give rows, or what csvFile(...) gives`);
  }
  const table: ReferenceTable<never, never> = {
    name,
    columns: columnSpecs(columns),
    key,
    from: isSource(from) ? from : { kind: "rows", rows: from },
    refresh: refresh === undefined ? Infinity : durationOf(what, "refresh", refresh),
  };
  if (table.from.kind === "rows") {
    try {
      referenceRows(table, table.from.rows);
    } catch (error) {
      throw new ConfigError([`${what}: ${(error as Error).message}`]);
    }
  }
  return table;
}

/** A CSV file whose first line names the columns, by RFC 4180. A path starts from where the process was started. */
export function csvFile(file: string | URL): ReferenceSource {
  return { kind: "csv", file };
}

/** A JSON file: an array of objects. A path starts from where the process was started. */
export function jsonFile(file: string | URL): ReferenceSource {
  return { kind: "json", file };
}

/**
 * A query, run in a read-only transaction of the warehouse, or of the Postgres whose URL is in the environment under
 * the name `url`.
 */
export function sqlQuery(query: string, { url }: { readonly url?: string } = {}): ReferenceSource {
  return { kind: "sql", query, ...(url !== undefined && { urlVariable: url }) };
}

function isSource(from: ReferenceSource | readonly unknown[]): from is ReferenceSource {
  return !Array.isArray(from);
}
