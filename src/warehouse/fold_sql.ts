import { describeError } from "../errors.ts";
import { arrival, ordered, postgresType, tableName } from "./column_sql.ts";
import type { FoldedColumns, WarehouseTable } from "./mod.ts";
import { sessionIslands } from "./session_sql.ts";
import type { SqlRow, SqlSession } from "./sql_database.ts";
import { identifier } from "./sql_text.ts";

/** A row that cannot be folded: its place among those that were staged. */
export interface UnfoldedRow {
  readonly row: number;
  readonly reason: string;
}

/** About how many characters of states one statement takes. */
const mostText = 4_000_000;

/**
 * Merges what functions merge, see {@linkcode FoldedColumns}: reads the states that the table holds for the keys of staged
 * rows, and writes what they come to, and its result, into each key's last staged row, whose values then replace those of
 * the table. Expects the lock of `keyLockSql`, so that nobody else changes them until the transaction ends.
 */
export async function foldStaged(
  session: SqlSession,
  table: WarehouseTable,
  staging: string,
): Promise<UnfoldedRow[]> {
  const folds = table.folds ?? [];
  const unfolded: UnfoldedRow[] = [];
  let changes: Record<string, string | null>[] = [];
  let size = 0;
  const write = async () => {
    if (changes.length > 0) await session.query(changeSql(table, folds, staging), [JSON.stringify(changes)]);
    changes = [];
    size = 0;
  };
  for (const pieces of groupsOf(await session.query(piecesSql(table, folds, staging)))) {
    const change: Record<string, string | null> = { [arrivalName]: String(pieces.at(-1)![arrivalName]) };
    const refused = new Map<number, string>();
    folds.forEach((each, i) => {
      try {
        [change[`state${i}`], change[`result${i}`]] = fold(each, pieces);
      } catch {
        for (const { row, reason } of unfoldable(each, pieces)) refused.set(row, reason);
      }
    });
    for (const [row, reason] of refused) unfolded.push({ row, reason });
    changes.push(change);
    size += Object.values(change).reduce((sum, text) => sum + (text?.length ?? 0), 0);
    if (size > mostText) await write();
  }
  await write();
  return unfolded;
}

/** What the rows of a key come to: its state and its result, as texts. */
function fold({ state, fold }: FoldedColumns, pieces: readonly SqlRow[]): [string, string | null] {
  const states = pieces.flatMap((piece) => JSON.parse(String(piece[state])) as unknown[]);
  const text = states.length === 1 ? JSON.stringify(states[0]) : fold.merge(states);
  return [text, fold.result(JSON.parse(text))];
}

/** The rows that cannot be taken in after those before them. */
function unfoldable(each: FoldedColumns, pieces: readonly SqlRow[]): UnfoldedRow[] {
  const unfolded: UnfoldedRow[] = [];
  const taken: SqlRow[] = [];
  for (const piece of pieces) {
    // What the table holds stays, and nothing can be added to it when it is wrong already.
    if (piece[rowName] !== null) {
      try {
        fold(each, [...taken, piece]);
      } catch (error) {
        unfolded.push({ row: Number(piece[rowName]), reason: `${each.name}: ${describeError(error)}` });
        continue;
      }
    }
    taken.push(piece);
  }
  return unfolded;
}

/** No column of a pipeline has a name like these. */
const [arrivalName, rowName, placeName] = ["#", "#row", "#place"];
const [row, place] = [identifier(rowName), identifier(placeName)];

/** The states to be folded, staged and held, those of a key together, in order. */
function piecesSql(table: WarehouseTable, folds: readonly FoldedColumns[], staging: string): string {
  const isKey = ({ name }: { name: string }) => table.key.includes(name);
  const bounds = table.sessions ? table.columns.filter(({ name }) => name === "window_end") : [];
  const keys = table.columns.filter(isKey);
  const names = [...keys, ...bounds].map(({ name }) => identifier(name));
  const states = folds.map(({ state }) => identifier(state));
  const same = table.sessions
    ? [
      ...keys.filter(({ name }) => name !== "window_start").map(({ name }) => identifier(name))
        .map((key) => `s.${key} = t.${key}`),
      "s.window_start < t.window_end and t.window_start < s.window_end",
    ]
    : names.map((key) => `s.${key} = t.${key}`);
  const pieces = `pieces as (
    select ${
    [arrival, `row_number() over (order by ${arrival}) - 1 as ${row}`, ...names, ...states].join(", ")
  }
    from ${staging}
    union all
    select ${
    ["-1", "null", ...names, ...states.map((state) => `jsonb_build_array(${state})`)].join(", ")
  } from ${tableName(table)} as t where exists (select 1 from ${staging} where ${same.join(" and ")})
  )`;
  const [from, order] = table.sessions
    ? [
      `${pieces}, ${sessionIslands(table)} select * from numbered`,
      [...keys.filter(({ name }) => name !== "window_start").map(ordered), "island"],
    ]
    : [`${pieces} select * from pieces`, keys.map(ordered)];
  return `select p.${arrival}::text, ${row}, ${states.map((state) => `${state}::text`).join(", ")},
    dense_rank() over (order by ${order.join(", ")}) as ${place}
  from (with ${from}) as p order by ${place}, p.${arrival}`;
}

function changeSql(table: WarehouseTable, folds: readonly FoldedColumns[], staging: string): string {
  const typeOf = (name: string) => postgresType(table.columns.find((column) => column.name === name)!.type);
  const sets = folds.flatMap(({ state, result }, i) => [
    `${identifier(state)} = c.state${i}::jsonb`,
    `${identifier(result)} = c.result${i}::${typeOf(result)}`,
  ]);
  const fields = folds.map((_, i) => `state${i} text, result${i} text`);
  return `update ${staging} set ${sets.join(", ")}
    from json_to_recordset($1::json) as c (${arrival} bigint, ${
    fields.join(", ")
  }) where s.${arrival} = c.${arrival}`;
}

function* groupsOf(rows: readonly SqlRow[]): Iterable<SqlRow[]> {
  let group: SqlRow[] = [];
  for (const each of rows) {
    if (group.length > 0 && group[0]![placeName] !== each[placeName]) {
      yield group;
      group = [];
    }
    group.push(each);
  }
  if (group.length > 0) yield group;
}
