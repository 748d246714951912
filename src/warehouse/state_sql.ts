import type { SourceName } from "./mod.ts";
import type { SqlSession } from "./sql_database.ts";
import { arrayText, literal } from "./sql_text.ts";

/** How much is read at once: rows, and bytes of states unless one alone has more. */
const mostRows = 5_000;
const mostBytes = 1024 * 1024;

/** Where a page of states ends: the next one starts after this key of this operator. */
export interface StatePageEnd {
  readonly operator: string;
  readonly key: string;
}

/** The states of a partition that follow a page's end, as one text; no end when there are no more. */
export async function readStatePage(
  session: SqlSession,
  { group, topic }: SourceName,
  partition: number,
  after: StatePageEnd,
): Promise<{ readonly text: string; readonly end: StatePageEnd | undefined }> {
  const [page] = await session.query(
    `with numbered as (
       select operator, key, value, touched, turn, row_number() over following as number,
         sum(octet_length(key) + octet_length(value)) over following as bytes
       from (
         select * from weir.state where group_id = $1 and topic = $2 and partition = $3 and (operator, key) > ($4, $5)
         order by operator, key limit ${mostRows}
       ) as next
       window following as (order by operator, key rows unbounded preceding)
     ), page as (
       select * from numbered where bytes <= ${mostBytes} or number = 1
     )
     select coalesce(json_agg(json_build_array(operator, key, value, touched, turn))::text, '[]') as text,
       (select operator from page order by number desc limit 1) as operator,
       (select key from page order by number desc limit 1) as key
     from page`,
    [group, topic, partition, after.operator, after.key],
  );
  const { text, operator, key } = page!;
  const end = operator === null ? undefined : { operator: String(operator), key: String(key) };
  return { text: String(text), end };
}

/** The statement that removes the rows which say that a key has no state any more. */
export function removeStates({ group, topic }: SourceName, partitions: readonly number[]): string {
  return `delete from weir.state where group_id = ${literal(group)} and topic = ${literal(topic)} ` +
    `and partition = any (${literal(arrayText(partitions))}) and value is null`;
}
