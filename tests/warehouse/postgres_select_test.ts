/** Queries to a Postgres that is not the warehouse. */
import assert from "node:assert/strict";
import { ServiceError } from "../../src/errors.ts";
import { selectFromPostgres } from "../../src/warehouse/postgres_select.ts";
import { service } from "../support/env.ts";
import { createDatabase } from "../support/postgres_database.ts";
import { freePort } from "../support/services/ports.ts";

const server = service("postgres");
const variable = "SITES_URL";

Deno.test({
  name: "rows come as JSON has them, nothing is set up or written there",
  ignore: server === undefined,
  async fn() {
    const database = await createDatabase(server!);
    try {
      await database.query(
        "create table sites as select 'a' as site, 7 as rank, '2026-01-31T12:00Z'::timestamptz as at",
      );
      const from = { url: database.url, variable };
      const [row, ...rest] = await selectFromPostgres(from, "select * from sites;", 10);
      assert.deepEqual(rest, []);
      assert.deepEqual([row!.site, row!.rank, new Date(String(row!.at))], [
        "a",
        7,
        new Date("2026-01-31T12:00Z"),
      ]);
      await assert.rejects(
        selectFromPostgres(from, "with gone as (delete from sites returning 1) select * from gone", 10),
        ServiceError,
      );
      await assert.rejects(selectFromPostgres(from, "select * from nowhere", 10), {
        name: "ServiceError",
        message: 'Postgres at SITES_URL refuses the query: relation "nowhere" does not exist',
      });
      await assert.rejects(
        selectFromPostgres(from, "select 1) as q; commit; drop table sites; select * from (select 1", 10),
        /refuses the query: cannot insert multiple commands/,
      );
      const [left] = await database.query(
        "select (select count(*) from sites)::text as rows, (select count(*) from pg_namespace where nspname = 'weir')::text as own",
      );
      assert.deepEqual({ ...left }, { rows: "1", own: "0" });
    } finally {
      await database.drop();
    }
  },
});

Deno.test("a server that cannot be reached is named by its variable, without the password", async () => {
  const url = `postgres://weir:secret@127.0.0.1:${freePort()}/sites`;
  await assert.rejects(selectFromPostgres({ url, variable }, "select 1", 1), (error: Error) => {
    assert.match(error.message, /^Postgres at SITES_URL refuses connections; .* in SITES_URL/);
    assert.doesNotMatch(error.message, /secret|DATABASE_URL/);
    return true;
  });
});
