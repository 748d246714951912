import type { WarehouseTable } from "./mod.ts";
import { identifier } from "./sql_text.ts";
import { arrival, postgresType } from "./column_sql.ts";

/** Up to here, rows within a statement are written faster than through a staging table, which costs 1 ms to empty. */
const mostRows = 50;
const mostBytes = 64 * 1024;

/**
 * A few rows of COPY's text as a relation in SQL: `(values (0, E'a'::text), (1, E'b')) as s ("#", "id")`. An escape
 * means the same within `E''` as in COPY, of those that the encoder uses.
 *
 * Undefined for more rows than a statement should hold, and for other escapes: those go through a staging table.
 */
export function inlineRows(table: WarehouseTable, chunks: readonly Uint8Array[]): string | undefined {
  if (chunks.reduce((total, chunk) => total + chunk.length, 0) > mostBytes) return undefined;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = chunks.map((chunk) => decoder.decode(chunk)).join("");
  if (text.includes("\\") && text.replace(/\\[\\tnrN]/g, "").includes("\\")) return undefined;
  const lines = text.split("\n").slice(0, -1);
  if (lines.length > mostRows) return undefined;
  const rows = lines.map((line, index) => {
    const cells = line.split("\t").map(cell);
    // The first row tells the types of all.
    const typed = index > 0
      ? cells
      : cells.map((value, at) => `${value}::${postgresType(table.columns[at]!.type)}`);
    return `(${[index, ...typed].join(", ")})`;
  });
  const columns = table.columns.map((column) => identifier(column.name));
  return `(values ${rows.join(", ")}) as s (${[arrival, ...columns].join(", ")})`;
}

function cell(text: string): string {
  return text === "\\N" ? "null" : `E'${text.replaceAll("'", "''")}'`;
}
