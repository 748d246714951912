import type { SqlSession } from "./sql_database.ts";

/** The first rows of a query, each as JSON has it and with its columns in order, from a transaction that may not write. */
export async function selectRows(
  session: SqlSession,
  query: string,
  mostRows: number,
): Promise<Record<string, unknown>[]> {
  await session.run("begin transaction read only");
  const rows = await session.query(
    `select to_json(q)::text as row from (\n${query.trim().replace(/;$/, "")}\n) as q limit ${mostRows}`,
  );
  await session.run("commit");
  return rows.map(({ row }) => JSON.parse(String(row)));
}
