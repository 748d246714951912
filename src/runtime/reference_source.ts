import { readFile, stat } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import { mostReferenceRows, type ReferenceRow } from "../operators/reference_rows.ts";
import type { ReferenceSource } from "../operators/reference_table.ts";
import type { Services } from "./stores.ts";

/** The largest file that is read, in bytes. */
const largestFile = 64 * 1024 * 1024;

/** Reads the rows of a reference table, unchecked. Throws with what was tried and what was wrong. */
export async function readReference(
  from: ReferenceSource,
  services: Pick<Services, "warehouse" | "selectFrom">,
): Promise<readonly ReferenceRow[]> {
  switch (from.kind) {
    case "rows":
      return from.rows;
    case "sql":
      return await select(from, services);
    case "csv":
      return await parseCsv(from.file, await readText(from.file));
    case "json": {
      const rows: unknown = JSON.parse(await readText(from.file));
      if (Array.isArray(rows)) return rows;
      throw new TypeError(`${from.file} does not hold a JSON array of rows`);
    }
  }
}

/** One row more than a table may have tells that there are too many. */
async function select(
  { query, urlVariable }: Extract<ReferenceSource, { kind: "sql" }>,
  { warehouse, selectFrom }: Pick<Services, "warehouse" | "selectFrom">,
): Promise<readonly ReferenceRow[]> {
  if (urlVariable === undefined) return await warehouse.select(query, mostReferenceRows + 1);
  if (selectFrom) return await selectFrom(urlVariable, query, mostReferenceRows + 1);
  throw new ServiceError(`there is no Postgres to reach by ${urlVariable} here`);
}

async function readText(file: string | URL): Promise<string> {
  const { size } = await stat(file);
  if (size > largestFile) throw new ServiceError(`${file} has ${size} bytes; ${largestFile} can be read`);
  return await readFile(file, "utf8");
}

async function parseCsv(file: string | URL, text: string): Promise<ReferenceRow[]> {
  // As it is for a moment when a file is written over: that must not empty a table.
  if (text.trim() === "") throw new TypeError(`${file} is empty; its first line should name the columns`);
  const { parse } = await import("csv-parse/sync");
  // Both, since a file may have been put together from two systems.
  const recordEnds = ["\r\n", "\n"];
  return parse(text, { bom: true, columns: true, skip_empty_lines: true, record_delimiter: recordEnds });
}
