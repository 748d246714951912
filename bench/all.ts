/** All benchmarks, one after another, in under 45 minutes. */
import { describeError } from "../src/errors.ts";
import { benchmarks } from "./benchmarks.ts";
import type { BenchRoom } from "./benchmark.ts";
import { type Settings, settingsFlag } from "./environment.ts";
import { type Flag, readFlags, toggle, wholeNumber } from "./flags.ts";
import { type Load, quiet } from "./machine_load.ts";
import { figure } from "./table.ts";

/** A benchmark with its flags. */
export interface Part {
  readonly name: string;
  readonly args: readonly string[];
}

const only: Flag<readonly string[]> = {
  about: "names of benchmarks with commas, the only ones to run",
  default: benchmarks.map(({ name }) => name),
  parse(text) {
    const names = text.split(",");
    const unknown = names.filter((name) => !benchmarks.some((each) => each.name === name));
    if (unknown.length > 0) throw new Error(`there is no ${unknown.join(", ")}`);
    return names;
  },
};

export const flagsOfAll = {
  runs: wholeNumber(
    "how often each is run, for medians; latency and scaling at most 3 times, contention and growth once",
    5,
  ),
  only,
  "without-spark": toggle("leaves Spark out"),
  set: settingsFlag,
};

/**
 * What runs, and how long it takes on two cores with five runs: a steady window of five seconds and more for each
 * figure, and together under 45 minutes. Latency is without Spark, which would take another ten.
 *
 * @throws {UsageError} when a flag is wrong.
 */
export function partsOfAll(args: readonly string[]): Part[] {
  const { runs, only, "without-spark": withoutSpark, set } = readFlags(flagsOfAll, args);
  const [often, seldom] = [`${runs}`, `${Math.min(runs, 3)}`];
  const spark = withoutSpark ? ["--without-spark"] : [];
  const parts: Part[] = [
    { name: "rows", args: ["--rows", "400000", "--runs", often, ...spark] }, // 11 minutes
    { name: "windows", args: ["--records", "4000000", "--runs", often, ...spark] }, // 10
    { name: "latency", args: ["--warmup", "10", "--runs", seldom, "--without-spark"] }, // 9
    { name: "start", args: ["--runs", often] }, // 1
    { name: "takeover", args: ["--runs", often] }, // 1
    { name: "memory", args: ["--minutes", "2"] }, // 2
    { name: "scaling", args: ["--records", "3000000", "--runs", seldom] }, // 3
    { name: "contention", args: ["--processes", "1,2", "--runs", "1"] }, // 3
    { name: "growth", args: ["--runs", "1"] }, // 6
  ];
  const sets = Object.entries(set as Settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  return parts.filter(({ name }) => only.includes(name)).map(({ name, args }) => ({
    name,
    args: [...args, ...sets],
  }));
}

/**
 * Runs parts one after the other, each when the machine is quiet; one that fails is reported, and the next one runs.
 *
 * @returns The names of those that failed.
 */
export async function runParts(
  parts: readonly Part[],
  measure: (part: Part) => Promise<void>,
  report: BenchRoom["report"],
  waitUntilQuiet: (patienceMs: number) => Promise<Load> = quiet,
): Promise<string[]> {
  const failed: string[] = [];
  const took: string[] = [];
  for (const part of parts) {
    const { loadAverage, busyPercent } = await waitUntilQuiet(patienceMs);
    report(
      `\n${part.name} ${part.args.join(" ")}: begins at a load average of ${figure(loadAverage)}, ${
        figure(busyPercent)
      }% busy`,
    );
    const start = performance.now();
    try {
      await measure(part);
      took.push(`${part.name} ${minutesSince(start)}`);
    } catch (error) {
      failed.push(part.name);
      took.push(`${part.name} ${minutesSince(start)}, failed`);
      report(`${part.name} failed, and the others go on: ${describeError(error)}`);
    }
  }
  report(`\nMinutes: ${took.join("; ")}`);
  return failed;
}

function minutesSince(start: number): string {
  return figure((performance.now() - start) / 60_000);
}

/** Long enough for servers to tidy up after a part. */
const patienceMs = 120_000;
