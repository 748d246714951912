import { openPostgres } from "../../src/warehouse/postgres.ts";
import { service } from "../support/env.ts";
import { createDatabase } from "../support/postgres_database.ts";
import { warehouseSuite } from "./warehouse_suite.ts";

const server = service("postgres");

Deno.test({
  name: "the warehouse in Postgres keeps its promises",
  ignore: server === undefined,
  async fn(t) {
    const database = await createDatabase(server!);
    try {
      const store = { open: () => openPostgres({ url: database.url }), query: database.query };
      await warehouseSuite(store, async (name, run) => void await t.step(name, run));
    } finally {
      await database.drop();
    }
  },
});
