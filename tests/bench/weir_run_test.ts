import assert from "node:assert/strict";
import { Hopeless } from "../../bench/until.ts";
import { assertAllOut } from "../../bench/weir_run.ts";

const allOut = { in: 7, out: 7, filtered: 0, deadLettered: 0, late: 0, ahead: 0 };

Deno.test("a run of which every record comes out is measured", () => {
  assertAllOut(allOut);
});

for (const left of ["filtered", "deadLettered", "late"]) {
  Deno.test(`a run that has ${left} records gives no figure`, () => {
    assert.throws(() => assertAllOut({ ...allOut, out: 6, [left]: 1 }), Hopeless);
  });
}
