import assert from "node:assert/strict";
import { inlineRows } from "../../src/warehouse/inline_rows.ts";
import { tableOf } from "../contract/warehouse_fixture.ts";

const table = tableOf({ columns: { id: ["int", "keep"], value: ["text?", "replace"] } });

function inline(...chunks: string[]): string | undefined {
  return inlineRows(table, chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

Deno.test("rows of all chunks become one relation, typed by the first", () => {
  assert.equal(
    inline("1\ta\n2\t\\N\n", "3\t\n"),
    `(values (0, E'1'::integer, E'a'::text), (1, E'2', null), (2, E'3', E'')) as s ("#", "id", "value")`,
  );
});

Deno.test("quotes are doubled and escapes stay", () => {
  assert.match(inline("1\tit's \\\\N \\t\n")!, /E'it''s \\\\N \\t'::text/);
});

for (const text of ["\\'", "\\v", "\\101", "\\\\\\'", "\\"]) {
  Deno.test(`an escape of COPY's that statements do not have is left to COPY: ${text}`, () => {
    assert.equal(inline(`1\t${text}\n`), undefined);
  });
}

Deno.test("many rows and large ones are left to COPY", () => {
  assert.notEqual(inline("1\ta\n".repeat(50)), undefined);
  assert.equal(inline("1\ta\n".repeat(51)), undefined);
  assert.equal(inline(`1\t${"x".repeat(65_536)}\n`), undefined);
});
