import type { Command } from "commander";
import { readyMade } from "../pipelines/mod.ts";
import type { ExitCode } from "./exit_code.ts";

/** `weir list`: the ready-made pipelines. */
export function addListCommand(program: Command, finish: (code: ExitCode) => void): void {
  program.command("list")
    .description("list the ready-made pipelines")
    .option("--json", "as JSON")
    .action(({ json }: { json?: boolean }) => {
      const rows = Object.entries(readyMade).map(([name, { summary }]) => ({ name, summary }));
      const width = Math.max(...rows.map(({ name }) => name.length));
      console.log(
        json
          ? JSON.stringify(rows, null, 2)
          : rows.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}`).join("\n"),
      );
      finish(0);
    });
}
