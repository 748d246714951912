import type { ColumnType } from "../columns.ts";
import type { WarehouseTable } from "./mod.ts";
import type { SqlRow, SqlSession } from "./sql_database.ts";
import { postgresType, tableName } from "./column_sql.ts";

/** Types, as Postgres words them, that hold every value of a column's type beside its own. */
const alsoFitting: Readonly<Partial<Record<ColumnType, readonly string[]>>> = {
  text: ["character varying"],
  int: ["bigint", "numeric"],
  bigint: ["numeric"],
  timestamp: ["timestamp(3) with time zone", "timestamp(6) with time zone"],
  json: ["json"],
};

/** What does not fit about a table that is there, in words; undefined when there is none. */
export async function tableProblems(
  session: SqlSession,
  table: WarehouseTable,
): Promise<string[] | undefined> {
  const [relation] = await session.query(
    `select c.oid::bigint as oid, c.relkind in ('r', 'p') as is_table,
       array_to_string(array(select p from unnest(array['SELECT', 'INSERT', 'UPDATE']) as p
         where not has_table_privilege(c.oid, p)), ', ') as missing_rights
     from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind not in ('i', 'I', 'c')`,
    [table.schema, table.table],
  );
  if (relation === undefined) return undefined;
  if (relation.is_table !== true) return ["it is not a table, but a view or the like"];
  const columns = await session.query(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
       a.atthasdef or a.attidentity <> '' as filled, a.attgenerated <> '' as computed,
       a.attgenerated <> '' or a.attidentity = 'a' as fixed
     from pg_catalog.pg_attribute as a
     where a.attrelid = $1::bigint::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [String(relation.oid)],
  );
  const problems = relation.missing_rights === ""
    ? []
    : [`this user may not ${relation.missing_rights}; grant it on ${tableName(table)}`];
  problems.push(...columnProblems(table, new Map(columns.map((column) => [String(column.name), column]))));
  if (!await hasUniqueKey(session, String(relation.oid), table.key)) {
    const key = table.key.join(", ");
    problems.push(`no primary key or unique index is exactly on (${key}); create unique index on (${key})`);
  }
  return problems;
}

function columnProblems(table: WarehouseTable, present: ReadonlyMap<string, SqlRow>): string[] {
  const problems: string[] = [];
  for (const { name, type, optional } of table.columns) {
    const column = present.get(name);
    const expected = postgresType(type);
    if (column === undefined) {
      problems.push(`column "${name}" (${expected}) is missing`);
      continue;
    }
    if (![expected, ...alsoFitting[type] ?? []].includes(String(column.type))) {
      problems.push(`column "${name}" is ${column.type}, expected ${expected}`);
    }
    if (column.fixed) problems.push(`column "${name}" is computed by the database, expected a plain column`);
    if (column.required && optional) {
      problems.push(`column "${name}" is not null, but the pipeline's is optional`);
    }
    if (!column.required && table.key.includes(name)) {
      problems.push(`key column "${name}" may be null; set it not null`);
    }
  }
  for (const { name, type = "double" } of table.computed) {
    const column = present.get(name);
    const expected = postgresType(type);
    if (column?.computed !== true || column.type !== expected) {
      problems.push(`column "${name}" is not ${expected} generated always as (...) stored`);
    }
  }
  const ours = new Set([...table.columns, ...table.computed].map((column) => column.name));
  for (const [name, column] of present) {
    if (!ours.has(name) && column.required && !column.filled) {
      problems.push(`column "${name}" is not null and has no default, and the pipeline does not write it`);
    }
  }
  return problems;
}

/** What `on conflict` needs: unique, checked at once, over all rows, on these columns in any order. */
async function hasUniqueKey(session: SqlSession, oid: string, key: readonly string[]): Promise<boolean> {
  const indexes = await session.query(
    `select (select string_agg(a.attname, ',' order by a.attname collate "C")
       from pg_catalog.pg_attribute as a
       where a.attrelid = i.indrelid and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])) as columns
     from pg_catalog.pg_index as i
     where i.indrelid = $1::bigint::oid and i.indisunique and i.indisvalid and i.indimmediate
       and i.indpred is null and i.indexprs is null`,
    [oid],
  );
  const wanted = key.toSorted().join(",");
  return indexes.some((index) => index.columns === wanted);
}
