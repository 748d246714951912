import { Fenced } from "../errors.ts";
import type { Offset } from "../record.ts";
import type { Checkpoint, Move, SourceName } from "./mod.ts";
import { type SqlRow, type SqlSession, sqlState } from "./sql_database.ts";
import { arrayText, literal } from "./sql_text.ts";

/** What `checkpointOf` reads. */
export const checkpointColumns =
  "p.partition, p.epoch, p.next_offset, p.write_time, p.event_time, p.watermark, p.idle_at is not null as idle";

export async function readPositions(
  session: SqlSession,
  { group, topic }: SourceName,
): Promise<Checkpoint[]> {
  const rows = await session.query(
    `select ${checkpointColumns} from weir.positions as p where group_id = $1 and topic = $2 order by partition`,
    [group, topic],
  );
  return rows.map(checkpointOf);
}

/** See {@linkcode Warehouse.topicIds}. */
export async function readTopicIds(
  session: SqlSession,
  { group, topic }: SourceName,
): Promise<Map<number, string>> {
  const rows = await session.query(
    "select partition, topic_id from weir.positions where group_id = $1 and topic = $2 and topic_id is not null",
    [group, topic],
  );
  return new Map(rows.map(({ partition, topic_id }) => [Number(partition), String(topic_id)]));
}

/**
 * See {@linkcode Warehouse.setPositions}. A position that was set has no owner: epoch 0. A partition that came later starts
 * at the source's watermark: its windows before that are closed already.
 */
export async function setPositions(
  session: SqlSession,
  { group, topic }: SourceName,
  positions: ReadonlyMap<number, Offset>,
  topicId?: string,
): Promise<void> {
  await session.query(
    `insert into weir.positions (group_id, topic, partition, epoch, next_offset, watermark, topic_id)
     select $1, $2, c.partition, 0, c.next_offset, w.watermark, $5
     from (select weir.lock_watermark($1, $2) as watermark) as w,
       unnest($3::integer[], $4::bigint[]) as c (partition, next_offset) order by c.partition
     on conflict (group_id, topic, partition) do nothing`,
    [group, topic, arrayText([...positions.keys()]), arrayText([...positions.values()]), topicId ?? null],
  );
}

/** See {@linkcode Warehouse.claim}. A partition without an owner yet has epoch 0, its first owner 1. */
export async function claimPartitions(
  session: SqlSession,
  source: SourceName,
  partitions: readonly number[],
  held: ReadonlyMap<number, number>,
  initial: (partition: number) => Offset,
  topicId?: string,
): Promise<Checkpoint[]> {
  const { group, topic } = source;
  const present = new Set((await readPositions(session, source)).map((checkpoint) => checkpoint.partition));
  const absent = partitions.filter((partition) => !present.has(partition));
  if (absent.length > 0) {
    await setPositions(session, source, new Map(absent.map((each) => [each, initial(each)])), topicId);
  }
  const rows = await session.query(
    `update weir.positions as p
     set epoch = case when p.epoch = c.held then p.epoch else p.epoch + 1 end, updated_at = now(),
       topic_id = coalesce(p.topic_id, $5)
     from (
       select l.partition, h.held
       from weir.positions as l
       join unnest($3::integer[], $4::bigint[]) as h (partition, held) on h.partition = l.partition
       where l.group_id = $1 and l.topic = $2 order by l.partition for update of l
     ) as c
     where p.group_id = $1 and p.topic = $2 and p.partition = c.partition
     returning ${checkpointColumns}`,
    [
      group,
      topic,
      arrayText(partitions),
      arrayText(partitions.map((partition) => held.get(partition) ?? null)),
      topicId ?? null,
    ],
  );
  if (rows.length < partitions.length) {
    throw new Error(`positions of group "${group}" in topic "${topic}" were deleted while they were claimed`);
  }
  return rows.map(checkpointOf).sort((a, b) => a.partition - b.partition);
}

/** The statement that makes the moves, or fails so that `fencedBy` tells. */
export function advance({ group, topic }: SourceName, moves: readonly Move[]): string {
  const sorted = moves.toSorted((a, b) => a.partition - b.partition);
  const list = (value: (move: Move) => number | null) => literal(arrayText(sorted.map(value)));
  return `select weir.advance(${literal(group)}, ${literal(topic)}, ${list((move) => move.partition)}, ` +
    `${list((move) => move.epoch)}, ${list((move) => move.from)}, ${list((move) => move.next)}, ` +
    `${list((move) => move.writeTime)}, ${list((move) => move.eventTime)}, ` +
    `${list((move) => move.watermark)})`;
}

/** What `advance` raised, as the port's error; undefined for any other error. */
export function fencedBy(error: unknown): Fenced | undefined {
  return sqlState(error) === "WR001" ? new Fenced((error as Error).message, { cause: error }) : undefined;
}

/** 64-bit columns come as text from one client and as numbers from the other. */
export function checkpointOf(row: SqlRow): Checkpoint {
  return {
    partition: Number(row.partition),
    epoch: Number(row.epoch),
    next: Number(row.next_offset),
    writeTime: Number(row.write_time),
    eventTime: row.event_time === null ? null : Number(row.event_time),
    watermark: row.watermark === null ? null : Number(row.watermark),
    idle: row.idle === true,
  };
}
