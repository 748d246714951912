import { Seeded } from "../support/seeded.ts";

/**
 * Checks a property so many times, each with a seed of its own. What fails names its seed; `WEIR_FUZZ_SEED=17` runs that
 * one alone, and `WEIR_FUZZ_ROUNDS=50` runs fifty times as many.
 */
export async function rounds(count: number, check: (random: Seeded) => void | Promise<void>): Promise<void> {
  const only = Deno.env.get("WEIR_FUZZ_SEED");
  const seeds = only === undefined
    ? Array.from({ length: count * Number(Deno.env.get("WEIR_FUZZ_ROUNDS") ?? 1) }, (_, i) => i + 1)
    : [Number(only)];
  for (const seed of seeds) {
    try {
      await check(new Seeded(seed));
    } catch (cause) {
      throw new Error(`seed ${seed} (again: WEIR_FUZZ_SEED=${seed}): ${cause}`, { cause });
    }
  }
}

/** Any value that JavaScript has, and some that only look right. */
export function junk(random: Seeded, depth = 2): unknown {
  const plain: (() => unknown)[] = [
    () => undefined,
    () => null,
    () => random.chance(0.5),
    () => random.pick([0, -0, -1, 1.5, NaN, Infinity, 2 ** 53, 1e308]),
    () => 10n ** BigInt(random.integer(0, 30)),
    () => random.text(20),
    () =>
      random.pick([
        "",
        ".",
        "..",
        "__proto__",
        "constructor",
        "a.b.c",
        "1m",
        "-5s",
        "text",
        "uuid?",
        "earliest",
      ]),
    () => Symbol("s"),
    () => new Date(random.pick([0, NaN, 8.64e15])),
    () => random.bytes(random.integer(0, 8)),
    () => () => junk(random, 0),
    () => () => {
      throw new Error("no");
    },
  ];
  if (depth > 0 && random.chance(0.3)) {
    const some = Array.from({ length: random.integer(0, 4) }, () => junk(random, depth - 1));
    return random.chance(0.5) ? some : Object.fromEntries(some.map((each) => [random.text(6), each]));
  }
  return random.pick(plain)();
}
