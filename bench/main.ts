/**
 * `deno task bench [name] [flags]`: runs a benchmark, `rows` when none is named. Prints what it found, and writes it to
 * bench/results. `deno task bench --help` lists them.
 */
import { benchmarks } from "./benchmarks.ts";
import { settingsFlag } from "./environment.ts";
import { UsageError } from "./flags.ts";
import { writeResults } from "./results.ts";
import { benchServices } from "./services.ts";
import { sparkSource } from "./spark/spark.ts";

if (import.meta.main) {
  try {
    await bench(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}

async function bench(args: readonly string[]): Promise<void> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) return console.log(help());
  const [name, rest] = args[0]?.startsWith("-") === false
    ? [args[0], args.slice(1)]
    : [benchmarks[0]!.name, args];
  const chosen = benchmarks.find((each) => each.name === name);
  if (!chosen) {
    throw new UsageError(
      `There is no benchmark ${name}; there are ${benchmarks.map((each) => each.name).join(", ")}`,
    );
  }
  const measure = chosen.prepare(rest);
  const report = (line: string) => console.log(line);
  const services = await benchServices();
  try {
    const found = await measure({ services, spark: sparkSource(report), report });
    report(`\nAll runs are in ${await writeResults(chosen.name, found, new Date())}`);
  } finally {
    await services.stop();
  }
}

function help(): string {
  const lines = benchmarks.flatMap(({ name, about, flags }) => [
    `${name.padEnd(10)} ${about}`,
    ...Object.entries(flags).filter(([flag]) => flag !== "set").map(
      ([flag, { about, default: otherwise }]) => {
        const value = typeof otherwise === "boolean" ? "" : ` (default: ${otherwise})`;
        return `    --${flag.padEnd(16)} ${about}${value}`;
      },
    ),
  ]);
  const ofAll = `Each takes --set ${settingsFlag.about}.`;
  return ["deno task bench [name] [flags]", "", ...lines, "", ofAll].join("\n");
}
