import assert from "node:assert/strict";
import { weir } from "../support/weir_command.ts";

Deno.test("weir sql shows what the embedded warehouse has, and may not write", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-sql-" });
  const sql = (query: string, ...flags: string[]) => weir(["sql", query, ...flags, "--data-dir", folder]);
  try {
    const rows = await sql(
      "select n, 'row ' || n as name from generate_series(1, 2) as n order by n;",
      "--json",
    );
    assert.deepEqual(JSON.parse(rows.output), [{ n: 1, name: "row 1" }, { n: 2, name: "row 2" }]);
    assert.equal(rows.code, 0);
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

Deno.test("weir sql without a query is used wrongly", async () => {
  assert.equal((await weir(["sql"])).code, 2);
});
