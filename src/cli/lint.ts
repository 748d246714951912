import type { Command } from "commander";
import { ConfigError } from "../errors.ts";
import { loadPipelines } from "../runtime/load_pipeline.ts";
import { scheduleProblem } from "../schedule/schedule.ts";
import type { ExitCode } from "./exit_code.ts";

/** `weir lint <pipeline ...>`: what is wrong with pipelines, without connecting to anything. */
export function addLintCommand(program: Command, finish: (code: ExitCode) => void): void {
  program.command("lint")
    .description("say what is wrong with pipelines, without running them")
    .argument("<pipeline...>", "a name that weir list shows, or the path of a module")
    .option("--json", "as JSON")
    .action(async (names: string[], { json }: { json?: true }) => {
      const problems = await problemsOf(names);
      if (json) console.log(JSON.stringify({ problems }, null, 2));
      else console.log(problems.join("\n") || `nothing is wrong with ${names.join(", ")}`);
      finish(problems.length === 0 ? 0 : 1);
    });
}

async function problemsOf(names: readonly string[]): Promise<readonly string[]> {
  try {
    const pipelines = await loadPipelines(names, Deno.cwd());
    return pipelines.flatMap(({ plan }) => scheduleProblem(plan) ?? []);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
