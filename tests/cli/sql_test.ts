import assert from "node:assert/strict";
import { openPglite } from "../../src/warehouse/pglite.ts";
import { service } from "../support/env.ts";
import { createDatabase } from "../support/postgres_database.ts";
import { weir } from "../support/weir_command.ts";

Deno.test("weir sql shows what the embedded warehouse has, and may not write", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-sql-" });
  const sql = (query: string, ...flags: string[]) => weir(["sql", query, ...flags, "--data-dir", folder]);
  try {
    await (await openPglite({ directory: `${folder}/warehouse` })).close();
    const rows = await sql(
      "select n, 'row ' || n as name from generate_series(1, 2) as n order by n;",
      "--json",
    );
    assert.deepEqual(JSON.parse(rows.output), [{ n: 1, name: "row 1" }, { n: 2, name: "row 2" }]);
    assert.equal(rows.code, 0);
    const big = await sql("select 9007199254740993::bigint as big, array[2] as small", "--json");
    assert.deepEqual(JSON.parse(big.output), [{ big: "9007199254740993", small: [2] }]);
    const table = await sql(`select 'a' as name, '[{"page": "/"}]'::jsonb as top`);
    assert.match(table.output, /name.*top[^]*"a".*\[\{"page":"\/"\}\]/, table.output);
    assert.equal((await sql("select 1 where false")).output, "no rows\n");
    const many = await sql("select n from generate_series(1, 1001) as n", "--json");
    const end = many.output.lastIndexOf("]") + 1;
    assert.equal(JSON.parse(many.output.slice(0, end)).length, 1_000);
    assert.equal(many.output.slice(end), "\nweir: only the first 1000 rows are shown\n");
    for (
      const [query, why] of [
        ["select * from nowhere", /relation "nowhere" does not exist/],
        ["create table t (id int)", /syntax error/],
        ["select set_config('search_path', 'x', false) from weir.nothing", /does not exist/],
      ] as const
    ) {
      const refused = await sql(query);
      assert.equal(refused.code, 1, refused.output);
      assert.match(refused.output, why);
      assert.doesNotMatch(refused.output, /^\s+at /m);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("weir sql makes no warehouse where there is none", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-sql-" });
  try {
    const { code, output } = await weir(["sql", "select 1", "--data-dir", `${folder}/data`]);
    assert.equal(code, 1);
    assert.match(
      output,
      /^weir: There is no embedded warehouse in the data directory .*data; run a pipeline/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "weir sql makes nothing in a Postgres that is no warehouse",
  ignore: service("postgres") === undefined,
  async fn() {
    const database = await createDatabase(service("postgres")!);
    try {
      const rows = await weir(["sql", "select 1 as one", "--json"], { DATABASE_URL: database.url });
      assert.deepEqual(JSON.parse(rows.output), [{ one: 1 }]);
      const [left] = await database.query(
        "select count(*)::text as own from pg_namespace where nspname = 'weir'",
      );
      assert.equal(left!.own, "0");
    } finally {
      await database.drop();
    }
  },
});

Deno.test("weir sql without a query is used wrongly", async () => {
  assert.equal((await weir(["sql"])).code, 2);
});
