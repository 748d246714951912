import { shown } from "../shown.ts";
import type { Operator, RecordContext } from "./mod.ts";
import { checkFunction, checkOptions } from "./options.ts";
import type { ReferenceTable } from "./reference_table.ts";

/** The options of {@linkcode join} that leave out values without a row. */
export interface InnerJoinOptions<I, R, K, O> {
  /** The key of the row that belongs to a value; null or undefined belong to none. */
  readonly on: (value: I, record: RecordContext) => K | null | undefined;
  /** What becomes of a value and its row. */
  readonly with: (value: I, row: R, record: RecordContext) => O;
  readonly type?: "inner";
}

/** The options of {@linkcode join} that keep values without a row. */
export interface LeftJoinOptions<I, R, K, O> {
  readonly on: (value: I, record: RecordContext) => K | null | undefined;
  readonly with: (value: I, row: R | undefined, record: RecordContext) => O;
  readonly type: "left";
}

/** The operator that `join` makes. */
export interface JoinOperator<in I, out O> extends Operator<I, O> {
  readonly kind: "join";
  readonly table: ReferenceTable<unknown, unknown>;
  readonly on: (value: I, record: RecordContext) => unknown;
  readonly with: (value: I, row: never, record: RecordContext) => O;
  readonly type: "inner" | "left";
}

/**
 * Adds to each value what a reference table has on it. Values without a row are left out, and counted as filtered;
 * with `type: "left"` they go on with `undefined`. A record that is read again after the table has changed is joined
 * with what it holds then.
 *
 * @throws {TypeError} when an option is not known, or cannot be right.
 *
 * @example
 * ```ts
 * import { join, referenceTable } from "weir";
 * const sites = referenceTable("sites", {
 *   columns: { site: "text", region: "text" },
 *   key: "site",
 *   from: [{ site: "a.example", region: "north" }, { site: "b.example", region: "south" }],
 * });
 * const located = join(sites, {
 *   on: (view: { site: string; path: string }) => view.site,
 *   with: (view, { region }) => ({ ...view, region }),
 * });
 * ```
 */
export function join<I, R, K, O>(
  table: ReferenceTable<R, K>,
  options: InnerJoinOptions<I, R, NoInfer<K>, O>,
): Operator<I, O>;
export function join<I, R, K, O>(
  table: ReferenceTable<R, K>,
  options: LeftJoinOptions<I, R, NoInfer<K>, O>,
): Operator<I, O>;
export function join<I, R, K, O>(
  table: ReferenceTable<R, K>,
  options: InnerJoinOptions<I, R, K, O> | LeftJoinOptions<I, R, K, O>,
): Operator<I, O> {
  if (typeof table?.name !== "string" || !Array.isArray(table.columns)) {
    throw new TypeError(`join(): the table is ${shown(table)}; give one that referenceTable(...) makes`);
  }
  const what = `join(${table.name})`;
  checkOptions(what, options, ["on", "with", "type"]);
  checkFunction(what, "on", options.on, "(view) => view.site");
  checkFunction(what, "with", options.with, "(view, site) => ({ ...view, region: site.region })");
  const { type = "inner" } = options;
  if (type !== "inner" && type !== "left") {
    throw new TypeError(`${what}: "type" is ${shown(type)}; give "inner" or "left"`);
  }
  const operator: JoinOperator<I, O> = {
    kind: "join",
    name: what,
    table,
    on: options.on,
    with: options.with as JoinOperator<I, O>["with"],
    type,
  };
  return operator;
}

/** True for an operator that needs a reference table. */
export function isJoin(operator: Operator<never, unknown>): operator is JoinOperator<never, unknown> {
  return operator.kind === "join";
}
