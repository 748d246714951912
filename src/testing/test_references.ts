import { isJoin } from "../operators/join.ts";
import { type ReferenceRow, referenceRows } from "../operators/reference_rows.ts";
import type { ReferenceTable } from "../operators/reference_table.ts";
import type { PlanNode } from "../stream.ts";

/** The reference tables of a pipeline under test, with rows that are given instead of read. */
export class TestReferences {
  readonly #tables: ReadonlyMap<string, ReferenceTable<unknown, unknown>>;
  readonly #rows = new Map<string, ReadonlyMap<string, ReferenceRow>>();

  constructor(nodes: readonly PlanNode[], given: Readonly<Record<string, readonly ReferenceRow[]>>) {
    this.#tables = new Map(
      nodes.flatMap(({ operator }) =>
        isJoin(operator) ? [[operator.table.name, operator.table] as const] : []
      ),
    );
    for (const [name, { from }] of this.#tables) {
      const rows = given[name] ?? (from.kind === "rows" ? from.rows : undefined);
      if (!rows) {
        throw new TypeError(
          `testPipeline(): the reference table "${name}" has no rows; give them as in { references: { ${name}: [] } }`,
        );
      }
      this.replace(name, rows);
    }
    for (const name of Object.keys(given)) this.#table(name);
  }

  /** The rows of each table, by the texts of their keys. */
  get all(): ReadonlyMap<string, ReadonlyMap<string, ReferenceRow>> {
    return this.#rows;
  }

  /** @throws {TypeError} with what does not fit. */
  replace(name: string, given: readonly ReferenceRow[]): ReadonlyMap<string, ReferenceRow> {
    let rows: ReadonlyMap<string, ReferenceRow>;
    const table = this.#table(name);
    try {
      rows = referenceRows(table, given);
    } catch (cause) {
      throw new TypeError(`the reference table "${name}": ${(cause as Error).message}`, { cause });
    }
    this.#rows.set(name, rows);
    return rows;
  }

  #table(name: string): ReferenceTable<unknown, unknown> {
    const table = this.#tables.get(name);
    if (table) return table;
    const known = [...this.#tables.keys()].join(", ") || "none";
    throw new TypeError(`there is no reference table "${name}" in the pipeline; there are ${known}`);
  }
}
