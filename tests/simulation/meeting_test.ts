/** Schedules of faults, one for each seed; `WEIR_SIMULATION_SEEDS` says how many, as in `simulation_test.ts`. */
import assert from "node:assert/strict";
import { MeetingSimulation } from "./meeting.ts";

const seeds = Number(Deno.env.get("WEIR_SIMULATION_SEEDS") ?? 40);

Deno.test("whatever goes wrong, each record of two topics comes to where they meet, and counts once", async () => {
  let records = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations, trace, records: sent } = await new MeetingSimulation(seed).run();
    records += sent;
    assert.deepEqual(violations, [], `seed ${seed}:\n${trace.slice(-40).join("\n")}`);
  }
  assert.ok(records > seeds * 50);
});
