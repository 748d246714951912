import { cpus, totalmem } from "node:os";

/** What the figures depend on beside the code. */
export function machine() {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    deno: Deno.version.deno,
  };
}

/** Writes what a benchmark found, with the machine and the time, to `bench/results/NAME.json`, and gives the path. */
export async function writeResults(name: string, found: unknown, measuredAt: Date): Promise<string> {
  const folder = new URL("./results/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  const results = {
    benchmark: name,
    measuredAt: measuredAt.toISOString(),
    machine: machine(),
    ...(found as object),
  };
  await Deno.writeTextFile(file, JSON.stringify(results, null, 2) + "\n");
  return file.pathname;
}
