import { cpus, totalmem } from "node:os";
import type { Results } from "./summary.ts";

/** What the figures depend on beside the code. */
export function machine() {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    deno: Deno.version.deno,
  };
}

/** Changes when the files do, so that none is misread. */
const format = 1;

const folder = new URL("./results/", import.meta.url);

/** Writes what a benchmark found, with the machine and the time, to `bench/results/NAME.json`, and gives the path. */
export async function writeResults(name: string, found: object, measuredAt: Date): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  const results = {
    format,
    benchmark: name,
    measuredAt: measuredAt.toISOString(),
    machine: machine(),
    ...found,
  };
  await Deno.writeTextFile(file, JSON.stringify(results, null, 2) + "\n");
  return file.pathname;
}

/** What {@linkcode writeResults} wrote, of those benchmarks that have been run; files of an older form count as none. */
export async function readResults(names: readonly string[]): Promise<Map<string, Results>> {
  const results = new Map<string, Results>();
  for (const name of names) {
    try {
      const text = await Deno.readTextFile(new URL(`${name}.json`, folder));
      // JSON has null for what is not a number.
      const found = JSON.parse(text, (_, value) => value ?? NaN);
      if (found.format === format) results.set(name, found);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return results;
}
