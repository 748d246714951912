import type { Command } from "commander";
import { selectFromWarehouse } from "../runtime/services.ts";
import type { ExitCode } from "./exit_code.ts";
import { addSettings, type Flags, readSettings } from "./setting_flags.ts";

/** The most rows that are shown: who needs more has a client for databases. */
const mostRows = 1_000;

/** `weir sql <query>`: a query to the warehouse, which is of most use with the embedded one. */
export function addSqlCommand(program: Command, finish: (code: ExitCode) => void): void {
  const command = program.command("sql")
    .description("show the rows of a query to Postgres or the embedded warehouse, which must be free")
    .argument("<query>", "as in 'select * from users_per_minute'; it may not write")
    .option("--json", "as JSON")
    .action(async (query: string, flags: Flags & { json?: true }) => finish(await showRows(query, flags)));
  addSettings(command, ["DATABASE_URL", "WEIR_DATA_DIR"]);
}

async function showRows(query: string, flags: Flags & { json?: true }): Promise<ExitCode> {
  const found = await selectFromWarehouse(readSettings(flags), query, mostRows + 1);
  const rows = found.slice(0, mostRows);
  if (flags.json) console.log(JSON.stringify(rows, null, 2));
  else if (rows.length === 0) console.log("no rows");
  else console.table(rows.map(inCells));
  if (found.length > mostRows) console.error(`weir: only the first ${mostRows} rows are shown`);
  return 0;
}

/** Lists and objects as JSON, which a table would cut short. */
function inCells(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null ? JSON.stringify(value) : value,
    ]),
  );
}
