import { Seeded } from "../seeded.ts";

/** What a scenario does in the short set, which is a part of all tests, and in the full one. */
export interface Extent<T> {
  readonly short: T;
  readonly full: T;
}

/** WEIR_CHAOS=full runs everything at its full length; without it each scenario is done within seconds. */
export const full = Deno.env.get("WEIR_CHAOS") === "full";

export function extent<T>(of: Extent<T>): T {
  return full ? of.full : of.short;
}

/** WEIR_CHAOS_SEED; without it another one each time. It decides what is killed when, and what is produced. */
const seed = Number(Deno.env.get("WEIR_CHAOS_SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Random values of a scenario, of which the run can be repeated; how is printed. */
export function seeded(scenario: string): Seeded {
  console.log(`${scenario}: WEIR_CHAOS_SEED=${seed}`);
  return new Seeded(seed);
}
