import type { ColumnType } from "../columns.ts";
import { SchemaMismatch } from "../errors.ts";
import { schemaLock } from "./migrations/mod.ts";
import type { WarehouseTable } from "./mod.ts";
import { type SqlSession, sqlState } from "./sql_database.ts";
import { identifier } from "./sql_text.ts";
import { tableProblems } from "./table_check.ts";
import { columnType, postgresType, tableName } from "./column_sql.ts";

/**
 * Makes a table and its schema unless they are there, and checks that the table fits.
 *
 * @throws {SchemaMismatch} with everything that does not fit.
 */
export async function createTable(session: SqlSession, table: WarehouseTable): Promise<void> {
  let problems = await tableProblems(session, table);
  if (problems === undefined) {
    await create(session, table);
    problems = await tableProblems(session, table) ?? ["it is gone as soon as it was created"];
  }
  if (problems.length > 0) {
    throw new SchemaMismatch(
      `the table ${tableName(table)} is there already and does not fit:\n` +
        problems.map((problem) => `  - ${problem}`).join("\n") +
        "\nAlter or rename that table, or give the pipeline another table's name",
    );
  }
}

/** See {@linkcode Warehouse.primaryKey}. */
export async function primaryKey(
  session: SqlSession,
  schema: string,
  table: string,
): Promise<{ name: string; type: ColumnType }[] | undefined> {
  const columns = await session.query(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
     from pg_catalog.pg_index as i
     join pg_catalog.pg_class as c on c.oid = i.indrelid
     join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     cross join lateral unnest(i.indkey::int2[]) with ordinality as k (number, place)
     join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
     where n.nspname = $1 and c.relname = $2 and i.indisprimary order by k.place`,
    [schema, table],
  );
  if (columns.length === 0) return undefined;
  return columns.flatMap(({ name, type }) => {
    const ours = columnType(String(type));
    return ours === undefined ? [] : [{ name: String(name), type: ours }];
  });
}

async function create(session: SqlSession, table: WarehouseTable): Promise<void> {
  const schema = `select 1 from pg_catalog.pg_namespace where nspname = $1`;
  const steps = (await session.query(schema, [table.schema])).length > 0
    ? []
    : [`create schema if not exists ${identifier(table.schema)}`];
  try {
    await session.run(
      ["begin", `select pg_advisory_xact_lock(${schemaLock})`, ...steps, definition(table), "commit"].join(
        "; ",
      ),
    );
  } catch (error) {
    if (!alreadyThere(error)) throw error;
    await session.run("rollback");
  }
}

/** Weir's processes wait for each other; another program may still be faster. */
function alreadyThere(error: unknown): boolean {
  return ["42P06", "42P07", "42710", "23505"].includes(sqlState(error) ?? "");
}

function definition(table: WarehouseTable): string {
  const columns = table.columns.map(({ name, type, optional }) =>
    `${identifier(name)} ${postgresType(type)}${optional ? "" : " not null"}`
  );
  const computed = table.computed.map(({ name, expression, type = "double" }) =>
    `${identifier(name)} ${postgresType(type)} generated always as (${expression}) stored`
  );
  const key = `primary key (${table.key.map(identifier).join(", ")})`;
  const made = `create table if not exists ${tableName(table)} (${
    [...columns, ...computed, key].join(", ")
  })`;
  if (!table.closes) return made;
  const index = identifier(`${table.table}_end`);
  return `${made}; create index if not exists ${index} on ${tableName(table)} (window_end)`;
}
