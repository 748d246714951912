/**
 * `deno task bench [name] [flags]`: runs a benchmark, `rows` when none is named. Prints what it found, and writes it to
 * bench/results. `deno task bench all` runs all of them and prints README's tables, which `deno task bench summary`
 * prints from the last results. `deno task bench --help` lists them.
 */
import { flagsOfAll, type Part, partsOfAll, runParts } from "./all.ts";
import type { BenchRoom } from "./benchmark.ts";
import { benchmarks } from "./benchmarks.ts";
import { settingsFlag } from "./environment.ts";
import { type Flags, readFlags, UsageError } from "./flags.ts";
import { readResults, writeResults } from "./results.ts";
import { benchServices } from "./services.ts";
import { sparkSource } from "./spark/spark.ts";
import { summary } from "./summary.ts";

if (import.meta.main) {
  try {
    Deno.exitCode = await bench(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exitCode = 2;
  }
}

function report(line: string): void {
  console.log(line);
}

/** Runs a command line, and gives the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    report(help());
    return 0;
  }
  const [name, rest] = args[0]?.startsWith("-") === false
    ? [args[0], args.slice(1)]
    : [benchmarks[0]!.name, args];
  if (name === "summary") {
    readFlags({}, rest);
    await printSummary();
    return 0;
  }
  if (name === "all") {
    const parts = partsOfAll(rest);
    const failed = await inRoom((room) => runParts(parts, async (part) => await measure(part, room), report));
    await printSummary();
    if (failed.length === 0) return 0;
    report(`\nFailed: ${failed.join(", ")}. What the tables say of them is from an earlier run`);
    return 1;
  }
  const part = { name, args: rest };
  prepare(part);
  await inRoom((room) => measure(part, room));
  return 0;
}

/** @throws {UsageError} when there is no such benchmark, or a flag is wrong. */
function prepare({ name, args }: Part) {
  const chosen = benchmarks.find((each) => each.name === name);
  if (!chosen) {
    const names = [...benchmarks.map((each) => each.name), "all", "summary"].join(", ");
    throw new UsageError(`There is no benchmark ${name}; there are ${names}`);
  }
  return chosen.prepare(args);
}

async function measure(part: Part, room: Omit<BenchRoom, "set">): Promise<void> {
  const found = await prepare(part)(room);
  report(`\nAll runs are in ${await writeResults(part.name, found, new Date())}`);
}

/** Finds or starts the servers for what measures, and stops those that it started. */
async function inRoom<T>(use: (room: Omit<BenchRoom, "set">) => Promise<T>): Promise<T> {
  const services = await benchServices();
  try {
    return await use({ services, spark: sparkSource(report), report });
  } finally {
    await services.stop();
  }
}

async function printSummary(): Promise<void> {
  report(`\n${summary(await readResults(benchmarks.map(({ name }) => name)))}`);
}

function help(): string {
  const flagLines = (flags: Flags) =>
    Object.entries(flags).filter(([flag]) => flag !== "set").map(([flag, { about, default: otherwise }]) => {
      const value = typeof otherwise === "boolean" ? "" : ` (default: ${otherwise})`;
      return `    --${flag.padEnd(16)} ${about}${value}`;
    });
  const lines = benchmarks.flatMap(({ name, about, flags }) => [
    `${name.padEnd(10)} ${about}`,
    ...flagLines(flags),
  ]);
  return [
    "deno task bench [name] [flags]",
    "",
    ...lines,
    "",
    "all        all of them one after the other, and then the summary; one that fails does not end it",
    ...flagLines(flagsOfAll),
    "summary    the last results as README's tables",
    "",
    `Each takes --set ${settingsFlag.about}.`,
  ].join("\n");
}
