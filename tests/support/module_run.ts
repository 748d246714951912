/** Pipelines that a test writes as a module in a folder of its own, and runs by the command line. */
import type { PipelineStatus } from "../../src/status/snapshot.ts";
import { main } from "./weir_command.ts";
import { startWeir, type WeirProcess } from "./weir_process.ts";

/** Runs a module, with its data beside it. */
export function startModule(
  folder: string,
  file: string,
  env: Record<string, string> = {},
  ...flags: string[]
): WeirProcess {
  return startWeir({
    command: [Deno.execPath(), "run", "--allow-all", main, "run", `${folder}/${file}`, ...flags],
    dataDir: `${folder}/data`,
    env,
  });
}

/** Gives a test a folder of its own, which is removed after it. */
export async function inFolder(prefix: string, test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** All that a pipeline has read is written, and has come to where it goes. */
export function isThrough(each: PipelineStatus): boolean {
  return each.state === "running" && each.partitions.length > 0 &&
    each.partitions.every(({ lag }) => lag === 0) &&
    each.sinks.every(({ behind = 0, waiting = 0 }) => behind + waiting === 0);
}
