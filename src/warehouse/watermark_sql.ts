import { checkpointColumns, checkpointOf } from "./checkpoint_sql.ts";
import type { Checkpoint, SourceName, TableName } from "./mod.ts";
import { outboxSql } from "./outbox_sql.ts";
import { type SqlDatabase, type SqlSession, withSession } from "./sql_database.ts";
import { arrayText, identifier, literal } from "./sql_text.ts";
import { keyOrder, tableName } from "./column_sql.ts";
import type { Closed, Closing, IdleMark, Owner, Watermarks } from "./watermarks.ts";

/** Watermarks in SQL, see `migrations/0002_watermarks.ts`. */
export class SqlWatermarks implements Watermarks {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  read({ group, topic }: SourceName): Promise<number | null> {
    return withSession(this.#database, async (session) => {
      const [row] = await session.query(
        "select watermark from weir.watermarks where group_id = $1 and topic = $2",
        [group, topic],
      );
      return row === undefined || row.watermark === null ? null : Number(row.watermark);
    });
  }

  markIdle({ group, topic }: SourceName, partitions: readonly IdleMark[]): Promise<number[]> {
    return withSession(this.#database, async (session) => {
      const rows = await session.query(
        `update weir.positions as p set idle_at = clock_timestamp()
         from (
           select l.partition from weir.positions as l
           join unnest($3::integer[], $4::bigint[], $5::bigint[]) as m (partition, epoch, next_offset)
             on m.partition = l.partition and m.epoch = l.epoch and m.next_offset = l.next_offset
           where l.group_id = $1 and l.topic = $2 order by l.partition for update of l
         ) as c
         where p.group_id = $1 and p.topic = $2 and p.partition = c.partition returning p.partition`,
        [
          group,
          topic,
          arrayText(partitions.map(({ partition }) => partition)),
          arrayText(partitions.map(({ epoch }) => epoch)),
          arrayText(partitions.map(({ next }) => next)),
        ],
      );
      return rows.map((row) => Number(row.partition));
    });
  }

  wake({ group, topic }: SourceName, partitions: readonly Owner[]): Promise<Checkpoint[]> {
    return withSession(this.#database, async (session) => {
      // The lock comes first and is held to the end: the watermark cannot pass the partitions meanwhile.
      const rows = await session.query(
        `with held as materialized (select weir.lock_watermark($1, $2) as watermark)
         update weir.positions as p set idle_at = null, watermark = greatest(p.watermark, c.watermark)
         from (
           select l.partition, held.watermark from held cross join weir.positions as l
           join unnest($3::integer[], $4::bigint[]) as m (partition, epoch)
             on m.partition = l.partition and m.epoch = l.epoch
           where l.group_id = $1 and l.topic = $2 order by l.partition for update of l
         ) as c
         where p.group_id = $1 and p.topic = $2 and p.partition = c.partition returning ${checkpointColumns}`,
        [
          group,
          topic,
          arrayText(partitions.map(({ partition }) => partition)),
          arrayText(partitions.map(({ epoch }) => epoch)),
        ],
      );
      return rows.map(checkpointOf).sort((a, b) => a.partition - b.partition);
    });
  }

  close(
    { group, topic }: SourceName,
    closings: readonly Closing[],
    absent: readonly TableName[] = [],
  ): Promise<Closed | "unprepared" | undefined> {
    return withSession(this.#database, async (session) => {
      if (!await isBehind(session, group, topic)) return undefined;
      await session.run("begin");
      const [row] = await session.query("select weir.raise_watermark($1, $2) as watermark", [group, topic]);
      if (row!.watermark === null) {
        await session.run("rollback");
        return undefined;
      }
      const watermark = Number(row!.watermark);
      // Asked after the watermark was: what it can close was there before it, and so was its table.
      if (await isAnyThere(session, absent)) {
        await session.run("rollback");
        return "unprepared";
      }
      const windows = new Map<Closing, number>();
      for (const closing of closings.toSorted((a, b) => targetOf(a) < targetOf(b) ? -1 : 1)) {
        const tags = await session.run(closeSql(closing, watermark));
        windows.set(closing, Number(tags.at(-1)!.split(" ").at(-1)));
      }
      const [commit] = await session.run("commit");
      if (commit !== "COMMIT") {
        throw new Error(`the database answered COMMIT with ${commit ?? "nothing"}: no window was closed`);
      }
      return { watermark, windows: closings.map((closing) => windows.get(closing)!) };
    });
  }
}

/** Asked without a lock, since mostly there is nothing to do. */
async function isBehind(session: SqlSession, group: string, topic: string): Promise<boolean> {
  const [row] = await session.query(
    `select weir.flowing_watermark($1, $2) > coalesce(
       (select watermark from weir.watermarks where group_id = $1 and topic = $2), '-infinity') as behind`,
    [group, topic],
  );
  return row!.behind === true;
}

async function isAnyThere(session: SqlSession, tables: readonly TableName[]): Promise<boolean> {
  if (tables.length === 0) return false;
  const names = tables.map(({ schema, table }) => `(${literal(schema)}, ${literal(table)})`);
  const found = await session.query(
    `select 1 from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where (n.nspname, c.relname) in (${names.join(", ")})`,
  );
  return found.length > 0;
}

/** Takes the windows that end at or before the watermark out of the accumulators, and writes their results. */
function closeSql({ accumulators, results }: Closing, watermark: number): string {
  const closed = `delete from ${tableName(accumulators)} where window_end <= ${timestamp(watermark)}`;
  if (!results) return closed;
  if ("stream" in results) {
    const order = `window_end, ${keyOrder(accumulators)}`;
    return outboxSql(results, `${closed} returning *`, order).join(";\n");
  }
  const columns = results.columns.map(({ name }) => identifier(name)).join(", ");
  const key = results.key.map(identifier).join(", ");
  const updates = results.columns.filter(({ name }) => !results.key.includes(name))
    .map(({ name }) => `${identifier(name)} = excluded.${identifier(name)}`);
  return `with closed as (${closed} returning ${columns})
  insert into ${tableName(results)} (${columns})
  select ${columns} from closed order by ${keyOrder(results)}
  on conflict (${key}) do update set ${updates.join(", ")}`;
}

/** What is locked: sources that share a target write to it in the same order. */
function targetOf({ accumulators, results }: Closing): string {
  if (!results) return tableName(accumulators);
  return "stream" in results ? results.stream : tableName(results);
}

/** No window begins before the year 1, and times before it are hard to write. */
const firstTime = Date.parse("0001-01-01T00:00:00Z");

function timestamp(milliseconds: number): string {
  const time = new Date(Math.max(Math.floor(milliseconds), firstTime));
  return `${literal(time.toISOString())}::timestamp with time zone`;
}
