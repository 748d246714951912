import { type ColumnSpec } from "../columns.ts";
import type { HeldStream, Outbox, OutboxRow, OutboxTarget } from "./outbox.ts";
import { type SqlDatabase, withSession } from "./sql_database.ts";
import { identifier, literal } from "./sql_text.ts";

/** The outbox in SQL, see `migrations/0005_outbox.ts` and those after it. */
export class SqlOutbox implements Outbox {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async create(stream: string): Promise<void> {
    await this.#query("insert into weir.outbox_streams (stream) values ($1) on conflict do nothing", [
      stream,
    ]);
  }

  async hold(stream: string, holder: string): Promise<HeldStream> {
    const [row] = await this.#query(
      `with held as (
         update weir.outbox_streams set holder = $2, held_until = clock_timestamp() + interval '10 seconds'
         where stream = $1 and (holder is null or holder = $2 or held_until < clock_timestamp()) returning stream
       )
       select floor(extract(epoch from created_at) * 1000000)::bigint as created_at,
         waiting, last_sequence, exists (select from held) as held
       from weir.outbox_streams where stream = $1`,
      [stream, holder],
    );
    if (row === undefined) return { held: false, createdAt: 0, waiting: 0, last: 0 };
    const [createdAt, waiting, last] = [row.created_at, row.waiting, row.last_sequence].map(Number);
    return { held: row.held === true, createdAt: createdAt!, waiting: waiting!, last: last! };
  }

  async release(stream: string, holder: string): Promise<void> {
    await this.#query(
      "update weir.outbox_streams set holder = null, held_until = null where stream = $1 and holder = $2",
      [stream, holder],
    );
  }

  async waiting(stream: string): Promise<number> {
    const [row] = await this.#query("select waiting from weir.outbox_streams where stream = $1", [stream]);
    return Number(row?.waiting ?? 0);
  }

  async read(stream: string, after: number, limit: number): Promise<OutboxRow[]> {
    const rows = await this.#query(
      `select sequence, result::text as result from weir.outbox where stream = $1 and sequence > $2
       order by sequence limit $3`,
      [stream, after, limit],
    );
    return rows.map(({ sequence, result }) => ({
      sequence: Number(sequence),
      result: JSON.parse(String(result)),
    }));
  }

  async delivered(stream: string, sequence: number): Promise<void> {
    await this.#query(
      `with gone as (delete from weir.outbox where stream = $1 and sequence <= $2 returning 1)
       update weir.outbox_streams set waiting = waiting - (select count(*) from gone) where stream = $1`,
      [stream, sequence],
    );
  }

  #query(text: string, parameters: readonly (string | number)[]) {
    return withSession(this.#database, (session) => session.query(text, parameters));
  }
}

/**
 * Statements that put rows into a stream: `rows` is one that returns them, `order` how they follow one another. The
 * stream is locked first, by a statement of its own, so that numbers are given out in the order of commits. They follow
 * the clock, and go on by ones while it stands or was set back. A stream that is gone, since the database was put back from
 * a backup that had none, is made anew.
 */
export function outboxSql({ stream, columns }: OutboxTarget, rows: string, order: string): string[] {
  const name = literal(stream);
  const fields = columns.flatMap((column) => [literal(column.name), field(column)]);
  return [
    `insert into weir.outbox_streams (stream) values (${name}) on conflict do nothing`,
    `select 1 from weir.outbox_streams where stream = ${name} for update`,
    `with results as (${rows}), numbered as (
      update weir.outbox_streams set waiting = waiting + (select count(*) from results),
        last_sequence = (select count(*) from results) +
          greatest(last_sequence, (extract(epoch from clock_timestamp() - created_at) * 1e6)::bigint)
      where stream = ${name} returning last_sequence
    )
    insert into weir.outbox (stream, sequence, result)
    select ${name}, n.last_sequence - count(*) over () + row_number() over (order by ${order}),
      jsonb_build_object(${fields.join(", ")})
    from results cross join numbered as n`,
  ];
}

/** JSON holds no bigint and no infinity, and a timestamp in one form only is easy to read. */
function field({ name, type }: ColumnSpec): string {
  const column = identifier(name);
  if (type === "bigint" || type === "double") return `${column}::text`;
  if (type === "bytes") return `encode(${column}, 'hex')`;
  return type === "timestamp" ? `(extract(epoch from ${column}) * 1000)::double precision` : column;
}
