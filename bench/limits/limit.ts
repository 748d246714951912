import { run } from "../../tests/support/commands.ts";
import { cleanEnvironment } from "../environment.ts";
import type { Figures } from "../medians.ts";

/** Runs a limit in a process of its own, and gives what it did each second. */
export async function measureLimit(
  script: "raw_writers.ts" | "consume_kafkajs.ts" | "consume_platformatic.ts",
  args: readonly string[],
): Promise<Figures> {
  const path = new URL(script, import.meta.url).pathname;
  const printed = await run(Deno.execPath(), ["run", "--allow-all", path, ...args], cleanEnvironment());
  const { records, seconds, cpuSeconds } = JSON.parse(printed.split("\n").at(-1)!);
  return { steadyPerSecond: records / seconds, cpuSecondsPerMillion: cpuSeconds / records * 1e6 };
}
