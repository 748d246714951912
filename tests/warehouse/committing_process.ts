/** Commits to an embedded warehouse until it is killed, and prints the position after each. */
import type { WarehouseTable } from "../../src/warehouse/mod.ts";
import { openPglite } from "../../src/warehouse/pglite.ts";
import { chunk, moved } from "../contract/warehouse_fixture.ts";

export const source = { group: "killed", topic: "killed" };

export const table: WarehouseTable = {
  schema: "public",
  table: "killed",
  columns: [
    { name: "id", type: "int", optional: false, merge: "keep" },
    { name: "n", type: "bigint", optional: false, merge: "sum" },
  ],
  key: ["id"],
  computed: [],
};

/** The last position that was printed whole. */
export function committed(printed: string): number {
  return Number(printed.split("\n").at(-2) ?? 0);
}

if (import.meta.main) {
  const warehouse = await openPglite({ directory: Deno.args[0]! });
  await warehouse.createTable(table);
  await warehouse.claim(source, [0], new Map(), () => 0);
  for (let at = 0;; at++) {
    const rows = chunk(table, [{ id: 1, n: 1 }, { id: 2, n: 1 }]);
    await warehouse.commit({ source, moves: [moved(0, at, at + 1)], tables: [{ table, chunks: [rows] }] });
    console.log(at + 1);
  }
}
