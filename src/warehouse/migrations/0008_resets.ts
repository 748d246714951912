/**
 * The last reset of each partition, beside the position that it set: the cursors of output topics are in the log, where
 * they are set to match afterwards. `weir.reset` raises WR001 when a partition is not whose it should be.
 */
export const resets = `
alter table weir.positions
  add column reset_id text,
  add column reset_offset bigint,
  add column reset_exactly boolean,
  add column reset_topics jsonb;
comment on column weir.positions.reset_id is 'of the last reset, null when there was none';
comment on column weir.positions.reset_offset is 'the position that it set';
comment on column weir.positions.reset_exactly is 'cursors are set to that; else those that are behind it stay where they are';
comment on column weir.positions.reset_topics is 'output topics whose cursors are still to be set';

create function weir.reset(
  of_group text,
  of_topic text,
  of_reset text,
  of_topic_id text,
  cursor_topics jsonb,
  partitions integer[],
  epochs bigint[],
  next_offsets bigint[],
  exactly boolean[],
  gone integer[]
) returns void language plpgsql as $body$
declare
  held_watermark double precision;
  missed record;
begin
  -- Positions are made under this lock, so none comes in between.
  held_watermark := weir.lock_watermark(of_group, of_topic);
  -- Locked in order, so that two callers never wait for each other.
  perform 1 from weir.positions as p
    where p.group_id = of_group and p.topic = of_topic and p.partition = any (partitions || gone)
    order by p.partition for update;
  select r.partition, r.epoch, p.epoch as held_epoch into missed
    from unnest(partitions, epochs) as r (partition, epoch)
    left join weir.positions as p
      on p.group_id = of_group and p.topic = of_topic and p.partition = r.partition
    where p.epoch is distinct from r.epoch
    order by r.partition limit 1;
  if found then
    raise exception using errcode = 'WR001', message = format(
      'group %L has another owner in partition %s of topic %L: expected epoch %s, the warehouse holds %s',
      of_group, missed.partition, of_topic, coalesce(missed.epoch::text, 'none'),
      coalesce(missed.held_epoch::text, 'none'));
  end if;
  -- Their owners may have written rows of records that nobody will read again: those read from now on get later write
  -- times. A partition that comes later starts at the watermark of the source, as its windows before that are closed.
  insert into weir.positions as p (
    group_id, topic, partition, epoch, next_offset, watermark, topic_id,
    reset_id, reset_offset, reset_exactly, reset_topics
  )
  select of_group, of_topic, r.partition, 0, r.next_offset, held_watermark, of_topic_id,
    of_reset, r.next_offset, r.exactly, cursor_topics
  from unnest(partitions, next_offsets, exactly) as r (partition, next_offset, exactly) order by r.partition
  on conflict (group_id, topic, partition) do update set
    next_offset = excluded.next_offset, topic_id = excluded.topic_id, epoch = p.epoch + 1, updated_at = now(),
    write_time = greatest(p.write_time, (extract(epoch from clock_timestamp()) * 1e6)::bigint),
    reset_id = excluded.reset_id, reset_offset = excluded.reset_offset, reset_exactly = excluded.reset_exactly,
    reset_topics = excluded.reset_topics;
  delete from weir.state as s where s.group_id = of_group and s.topic = of_topic and s.partition = any (gone);
  delete from weir.positions as p where p.group_id = of_group and p.topic = of_topic and p.partition = any (gone);
end
$body$;
`;
