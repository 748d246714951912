/**
 * Schedules of faults, one for each seed. `WEIR_SIMULATION_SEED=17` runs that one and prints its trace;
 * `WEIR_SIMULATION_SEEDS=5000` runs so many, the first being `WEIR_SIMULATION_FROM` (1).
 */
import assert from "node:assert/strict";
import type { Outcome } from "./simulation.ts";

export interface Schedules {
  readonly run: (seed: number) => Promise<Outcome>;
  /** How many seeds there are unless the environment says it. */
  readonly count: number;
  /** Seeds that once found a bug, whatever the others do. Default: none. */
  readonly found?: readonly number[];
}

/** Runs the schedules of all seeds, and fails with the trace of the first one in which something is not as it should be. */
export async function runSeeds({ run, count, found = [] }: Schedules): Promise<void> {
  const only = Deno.env.get("WEIR_SIMULATION_SEED");
  const first = Number(Deno.env.get("WEIR_SIMULATION_FROM") ?? 1);
  const length = Number(Deno.env.get("WEIR_SIMULATION_SEEDS") ?? count);
  const seeds = only === undefined
    ? [...found, ...Array.from({ length }, (_, i) => first + i)]
    : [Number(only)];
  let records = 0;
  const failed: number[] = [];
  for (const seed of seeds) {
    const outcome = await run(seed);
    records += outcome.records;
    if (outcome.violations.length === 0) continue;
    failed.push(seed);
    if (failed.length === 1) console.error(report(seed, outcome, only !== undefined));
  }
  assert.deepEqual(failed, [], "these seeds failed; the first one's trace is above");
  assert.ok(records > 0, "no records were made");
  console.log(`${seeds.length} seeds, ${records} records`);
}

function report(seed: number, { violations, trace }: Outcome, whole: boolean): string {
  return [
    `seed ${seed} (again, with its whole trace: WEIR_SIMULATION_SEED=${seed})`,
    ...whole ? trace : trace.slice(-40),
    ...violations.map((violation) => `VIOLATION ${violation}`),
  ].join("\n");
}
