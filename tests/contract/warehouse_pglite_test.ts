import type { Warehouse } from "../../src/warehouse/mod.ts";
import { PgliteDatabase } from "../../src/warehouse/pglite_database.ts";
import { withSession } from "../../src/warehouse/sql_database.ts";
import { openSqlWarehouse } from "../../src/warehouse/sql_warehouse.ts";
import { warehouseSuite } from "./warehouse_suite.ts";

Deno.test("the warehouse in PGlite keeps its promises", async (t) => {
  const parent = await Deno.makeTempDir({ prefix: "weir-warehouse-" });
  let database: PgliteDatabase;
  const store = {
    async open(): Promise<Warehouse> {
      database = await PgliteDatabase.open(`${parent}/warehouse`);
      return await openSqlWarehouse(database);
    },
    // A second connection to the directory is not possible: this one goes through the warehouse's own.
    query: async (text: string) => {
      const rows = await withSession(database, (session) => session.query(text));
      return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value as string | null]))
      );
    },
  };
  try {
    await warehouseSuite(store, async (name, run) => void await t.step(name, run));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
