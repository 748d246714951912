import { Command, CommanderError } from "commander";
import { ConfigError, describeError, OffsetOutOfRange, SchemaMismatch, ServiceError } from "../errors.ts";
import { version } from "../version.ts";
import type { ExitCode } from "./exit_code.ts";
import { addListCommand } from "./list.ts";
import { addOffsetsCommand } from "./offsets.ts";
import { addRunCommand } from "./run.ts";

/** Runs a command line and gives the exit code. Whatever goes wrong ends in one message, without a stack trace. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const finish = (result: ExitCode) => {
    code = result;
  };
  const program = new Command("weir")
    .description("A stream processor in one process: schedule, log, workers, tables, warehouse and status.")
    .version(version, "--version", "show the version")
    .helpOption("--help", "show this help")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "weir: ")) });
  addRunCommand(program, finish);
  addListCommand(program, finish);
  addOffsetsCommand(program, finish);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(messageOf(error));
    return error instanceof ConfigError ? 2 : 1;
  }
  return code;
}

/** What a person needs: all problems of a configuration, or one error with its cause. */
function messageOf(error: unknown): string {
  if (error instanceof ConfigError) {
    return error.problems.length === 1
      ? `weir: ${error.problems[0]}`
      : ["weir: there are several problems:", ...error.problems.map((problem) => `  - ${problem}`)].join(
        "\n",
      );
  }
  const known = error instanceof ServiceError || error instanceof SchemaMismatch ||
    error instanceof OffsetOutOfRange;
  return `weir: ${known ? error.message : describeError(error)}`;
}
