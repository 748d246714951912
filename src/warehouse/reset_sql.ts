import { fencedBy } from "./checkpoint_sql.ts";
import type { SourceName } from "./mod.ts";
import type { LastReset, Reset, Resets } from "./resets.ts";
import { type SqlDatabase, withSession } from "./sql_database.ts";
import { arrayText } from "./sql_text.ts";

/** Resets in SQL, see `migrations/0008_resets.ts`. */
export class SqlResets implements Resets {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  make({ group, topic }: SourceName, { id, topicId, partitions, topics, gone }: Reset): Promise<void> {
    return withSession(this.#database, async (session) => {
      try {
        await session.query(
          `select weir.reset($1, $2, $3, $4, $5::jsonb, $6::integer[], $7::bigint[], $8::bigint[], $9::boolean[],
             $10::integer[])`,
          [
            group,
            topic,
            id,
            topicId ?? null,
            JSON.stringify(topics),
            arrayText(partitions.map(({ partition }) => partition)),
            arrayText(partitions.map(({ epoch }) => epoch)),
            arrayText(partitions.map(({ next }) => next)),
            `{${partitions.map(({ exactly }) => exactly).join(",")}}`,
            arrayText(gone),
          ],
        );
      } catch (error) {
        throw fencedBy(error) ?? error;
      }
    });
  }

  last({ group, topic }: SourceName): Promise<LastReset[]> {
    return withSession(this.#database, async (session) => {
      const rows = await session.query(
        `select partition, reset_id, reset_offset, reset_exactly, reset_topics::text as reset_topics
         from weir.positions where group_id = $1 and topic = $2 and reset_id is not null order by partition`,
        [group, topic],
      );
      return rows.map((row) => ({
        partition: Number(row.partition),
        id: String(row.reset_id),
        next: Number(row.reset_offset),
        exactly: row.reset_exactly === true,
        topics: JSON.parse(String(row.reset_topics)) as string[],
      }));
    });
  }

  finish({ group, topic }: SourceName, id: string, partitions: readonly number[]): Promise<void> {
    return withSession(this.#database, async (session) => {
      await session.query(
        `update weir.positions as p set reset_topics = '[]'
         from (
           select l.partition from weir.positions as l
           where l.group_id = $1 and l.topic = $2 and l.reset_id = $3 and l.partition = any ($4::integer[])
           order by l.partition for update of l
         ) as c
         where p.group_id = $1 and p.topic = $2 and p.partition = c.partition`,
        [group, topic, id, arrayText(partitions)],
      );
    });
  }
}
