import { run } from "../../tests/support/commands.ts";
import type { Cost } from "../course.ts";
import { cleanEnvironment } from "../environment.ts";
import type { Figures } from "../medians.ts";

/** Runs a limit in a process of its own, which prints its steady cost as JSON, and gives that. */
export async function measureLimit(
  script: "raw_writers.ts" | "consume_kafkajs.ts" | "consume_platformatic.ts",
  args: readonly string[],
): Promise<Figures> {
  const path = new URL(script, import.meta.url).pathname;
  const options = { ...cleanEnvironment(), signal: AbortSignal.timeout(patienceMs) };
  const printed = await run(Deno.execPath(), ["run", "--allow-all", path, ...args], options);
  const { perSecond, cpuSecondsPerMillion, seconds }: Cost = JSON.parse(printed.split("\n").at(-1)!);
  return { steadyPerSecond: perSecond, cpuSecondsPerMillion, steadySeconds: seconds };
}

/** One that hangs is ended, so that it does not hold up what comes after it. */
const patienceMs = 600_000;
