import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import type { ExitCode } from "./exit_code.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import { addLintCommand } from "./lint.ts";
import { addListCommand } from "./list.ts";
import { addOffsetsCommand } from "./offsets.ts";
import { addRunCommand } from "./run.ts";
import { addSqlCommand } from "./sql.ts";
import { addStatusCommand } from "./status.ts";

/** Runs a command line and gives the exit code. Whatever goes wrong ends in one message, without a stack trace. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const finish = (result: ExitCode) => {
    code = result;
  };
  const program = new Command("weir")
    .description("A stream processor in one process: schedule, log, workers, tables, warehouse and status.")
    .version(version, "--version", "show the version")
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "weir: ")) });
  addRunCommand(program, finish);
  addListCommand(program, finish);
  addLintCommand(program, finish);
  addStatusCommand(program, finish);
  addSqlCommand(program, finish);
  addOffsetsCommand(program, finish);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(failureText(error));
    return exitCodeOf(error);
  }
  return code;
}
