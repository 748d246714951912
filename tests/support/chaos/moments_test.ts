import assert from "node:assert/strict";
import { Seeded } from "../seeded.ts";
import { Moments } from "./moments.ts";

const ofBeginning = (moment: string) => moment.startsWith("warehouse.setPositions.");

Deno.test("every moment comes before any comes again, those of a job's beginning for its first process only", () => {
  const moments = new Moments(new Seeded(1));
  const all = [...moments.kills.keys()];
  const others = all.filter((moment) => !ofBeginning(moment)).sort();
  assert.ok(others.length > 40);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(others.map(() => moments.next(false)).sort(), others);
    assert.deepEqual([moments.next(true), moments.next(true)].sort(), all.filter(ofBeginning).sort());
  }
});

Deno.test("a moment that was put back comes again next", () => {
  const moments = new Moments(new Seeded(1));
  for (const isFirst of [false, true]) {
    const moment = moments.next(isFirst);
    moments.putBack(moment);
    assert.equal(moments.next(isFirst), moment);
  }
});

Deno.test("kills are counted by their moment", () => {
  const moments = new Moments(new Seeded(1));
  moments.killedAt("outbox.read.after");
  assert.deepEqual([...moments.kills].filter(([, count]) => count > 0), [["outbox.read.after", 1]]);
});
