import type { CopyChunk } from "../../src/warehouse/mod.ts";
import { stateTable } from "../../src/warehouse/state_table.ts";

/** What the warehouse would hold of operators' states, from the rows that workers make. */
export class StoredStates {
  readonly #rows = new Map<string, Record<string, string>>();
  /** How many rows came in. */
  written = 0;

  /** One that goes its own way from here on. */
  copy(): StoredStates {
    const copy = new StoredStates();
    for (const [id, row] of this.#rows) copy.#rows.set(id, row);
    copy.written = this.written;
    return copy;
  }

  apply({ count, bytes }: CopyChunk): void {
    this.written += count;
    for (const line of new TextDecoder().decode(bytes).split("\n").slice(0, -1)) {
      const cells = line.split("\t").map((cell) => cell.replaceAll("\\\\", "\\"));
      const row = Object.fromEntries(stateTable.columns.map(({ name }, i) => [name, cells[i]!]));
      const id = JSON.stringify(stateTable.key.map((name) => row[name]));
      if (row.value === "\\N") this.#rows.delete(id);
      else this.#rows.set(id, row);
    }
  }

  /** As `Warehouse.states` gives them. */
  page(partition: number): string {
    const rows = [...this.#rows.values()].filter((row) => row.partition === `${partition}`);
    rows.sort((a, b) => `${a.operator}\0${a.key}` < `${b.operator}\0${b.key}` ? -1 : 1);
    return JSON.stringify(
      rows.map((
        { operator, key, value, touched, turn },
      ) => [operator, key, value, Number(touched), Number(turn)]),
    );
  }

  /** The states of all partitions: `operator key` to the state's text. */
  get all(): Record<string, string> {
    return Object.fromEntries(
      [...this.#rows.values()].map((row) =>
        [`${row.partition} ${row.operator} ${row.key}`, row.value!] as const
      )
        .sort(([a], [b]) => a < b ? -1 : 1),
    );
  }
}
