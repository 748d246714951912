import type { SqlSession } from "./sql_database.ts";

/** Milliseconds for a query, after which the server ends it; its connection would count as broken a little later. */
const timeout = 50_000;

/**
 * The first rows of a query, each as JSON has it and with its columns in order, from a transaction that may not write.
 * Whole numbers beyond 2^53 come as text, for JavaScript would round them.
 */
export async function selectRows(
  session: SqlSession,
  query: string,
  mostRows: number,
): Promise<Record<string, unknown>[]> {
  await session.run(`begin transaction read only; set local statement_timeout = ${timeout}`);
  // With a parameter it is one prepared statement: a query with several of them could end the transaction.
  const rows = await session.query(
    `select to_json(q)::text as row from (\n${query.trim().replace(/;$/, "")}\n) as q limit $1`,
    [mostRows],
  );
  await session.run("commit");
  return rows.map(({ row }) => JSON.parse(String(row), exact));
}

/** A reviver, which is told how a number is written. */
function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isRounded = typeof value === "number" && /^-?\d+$/.test(context?.source ?? "") &&
    !Number.isSafeInteger(value);
  return isRounded ? context!.source : value;
}
