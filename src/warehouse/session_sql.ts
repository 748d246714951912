import { createHash } from "node:crypto";
import type { WarehouseColumn, WarehouseTable } from "./mod.ts";
import { identifier } from "./sql_text.ts";
import { arrival, folded, ordered, tableName } from "./column_sql.ts";

/** The bounds of a session, as columns. */
const [start, end] = ["window_start", "window_end"];

/** How many locks the keys of a table share: few enough that a commit may hold them all. */
const locks = 64;

/**
 * Merges sessions into a table of sessions: rows of one key that overlap become one, and those that are absorbed go.
 * Unlike a row of a fixed window, a session has no key that two transactions would collide on; so those that bring the
 * same keys wait for each other, by locks that are taken in their order before anything is read.
 */
export function sessionSql(table: WarehouseTable, relation: string): string[] {
  const keyColumns = keysOf(table);
  const keys = keyColumns.map(({ name }) => identifier(name));
  const columns = table.columns.map(({ name }) => identifier(name));
  const values = table.columns.filter(({ name }) =>
    ![start, end].includes(name) && !table.key.includes(name)
  );
  const list = columns.join(", ");
  const same = keys.map((key) => `s.${key} = t.${key} and `).join("");
  return [
    keyLockSql(table, relation),
    `with held as (
      delete from ${tableName(table)} as t where exists (
        select 1 from ${relation} where ${same}s.${start} < t.${end} and t.${start} < s.${end}
      ) returning ${columns.map((column) => `t.${column}`).join(", ")}
    ), pieces as (
      select ${arrival}, ${list} from ${relation} union all select -1, ${list} from held
    ), ${sessionIslands(table)}
    insert into ${tableName(table)} (${list})
    select ${
      table.columns.map((column) =>
        column.name === start
          ? `min(${start})`
          : column.name === end
          ? `max(${end})`
          : values.includes(column)
          ? folded(column)
          : identifier(column.name)
      ).join(", ")
    } from numbered group by ${[...keys, "island"].join(", ")}
    order by ${[`min(${start})`, ...keyColumns.map(ordered)].join(", ")}`,
  ];
}

/** Queries that number the sessions which `pieces` make: `numbered` has them as `island`, from 1 for each key. */
export function sessionIslands(table: WarehouseTable): string {
  const keys = keysOf(table).map(({ name }) => identifier(name));
  const partition = keys.length === 0 ? "" : `partition by ${keys.join(", ")} `;
  const order = `${partition}order by ${start}, ${end}, ${arrival}`;
  return `marked as (
      select *, coalesce(${start} < max(${end}) over (
        ${order} rows between unbounded preceding and 1 preceding
      ), false) as goes_on from pieces
    ), numbered as (
      select *, count(*) filter (where not goes_on) over (${order} rows unbounded preceding) as island from marked
    )`;
}

/**
 * Makes transactions that bring the same keys to a table wait for each other, whether there are rows of these keys yet or
 * not. Locks are taken in their order; the bounds of windows are left out, whose texts depend on the time zone.
 */
export function keyLockSql(table: WarehouseTable, relation: string): string {
  const keys = keysOf(table).map(({ name }) => identifier(name));
  const row = keys.length === 0 ? "''" : `row(${keys.join(", ")})::text`;
  return `select pg_advisory_xact_lock(${lockSpace(table)}, l.number) from (
      select distinct mod(hashtextextended(${row}, 0), ${locks})::integer as number from ${relation} order by number
    ) as l`;
}

/** The columns of the key, but for the window. */
function keysOf(table: WarehouseTable): WarehouseColumn[] {
  return table.columns.filter(({ name }) => table.key.includes(name) && name !== start);
}

/** A number of the table's own among the advisory locks of the database. */
function lockSpace({ schema, table }: WarehouseTable): number {
  return createHash("sha256").update(`weir ${schema}.${table}`).digest().readInt32BE();
}
