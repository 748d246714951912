/**
 * Watermarks: each partition's own, in its position, and the source's, which only ever rises. Whoever moves the
 * source's, or lets a partition that was idle go on, holds the lock of its row.
 */
export const watermarks = `
alter table weir.positions add column watermark double precision, add column idle_at timestamp with time zone;
comment on column weir.positions.watermark is 'records before it are late, milliseconds since 1970; never falls';
comment on column weir.positions.idle_at is 'when its owner last saw that there was nothing to read for long; null while it flows';

create table weir.watermarks (
  group_id text not null,
  topic text not null,
  watermark double precision,
  updated_at timestamp with time zone not null default now(),
  primary key (group_id, topic)
);
comment on column weir.watermarks.watermark is 'windows that end at or before it are closed, milliseconds since 1970';

create function weir.lock_watermark(of_group text, of_topic text) returns double precision language plpgsql as $body$
declare
  held double precision;
begin
  insert into weir.watermarks (group_id, topic) values (of_group, of_topic) on conflict do nothing;
  select w.watermark into held from weir.watermarks as w
    where w.group_id = of_group and w.topic = of_topic for update;
  return held;
end
$body$;

-- The smallest watermark of the partitions that are not idle, null while one of them has none; the largest of all when
-- all are idle. A mark that its owner has not renewed for a while does not count: the owner may be gone, and nobody
-- reads the partition.
create function weir.flowing_watermark(of_group text, of_topic text) returns double precision language sql stable as $body$
  select case
      when bool_and(idle) then max(watermark)
      when bool_and(watermark is not null) filter (where not idle) then min(watermark) filter (where not idle)
    end
    from (
      select p.watermark, coalesce(p.idle_at >= clock_timestamp() - interval '10 seconds', false) as idle
      from weir.positions as p where p.group_id = of_group and p.topic = of_topic
    ) as each
$body$;

-- Moves the source's watermark up to that of its partitions; null when it stays, or when another is just moving it.
create function weir.raise_watermark(of_group text, of_topic text) returns double precision language plpgsql as $body$
declare
  raised double precision;
begin
  insert into weir.watermarks (group_id, topic) values (of_group, of_topic) on conflict do nothing;
  perform 1 from weir.watermarks as w where w.group_id = of_group and w.topic = of_topic for update skip locked;
  if not found then return null; end if;
  -- A statement of its own, after the lock: it sees what the last to hold the lock has done.
  update weir.watermarks as w set watermark = f.watermark, updated_at = now()
    from (select weir.flowing_watermark(of_group, of_topic) as watermark) as f
    where w.group_id = of_group and w.topic = of_topic
      and f.watermark > coalesce(w.watermark, '-infinity'::double precision)
    returning w.watermark into raised;
  return raised;
end
$body$;

drop function weir.advance(text, text, integer[], bigint[], bigint[], bigint[], bigint[], double precision[]);
create function weir.advance(
  of_group text,
  of_topic text,
  partitions integer[],
  epochs bigint[],
  from_offsets bigint[],
  next_offsets bigint[],
  write_times bigint[],
  event_times double precision[],
  watermarks double precision[]
) returns void language plpgsql as $body$
declare
  moved integer[];
  missed record;
begin
  -- Locked in order, so that two callers never wait for each other.
  perform 1 from weir.positions as p
    where p.group_id = of_group and p.topic = of_topic and p.partition = any (partitions)
    order by p.partition for update;
  with changed as (
    update weir.positions as p
    set next_offset = m.next_offset, write_time = m.write_time, event_time = m.event_time, watermark = m.watermark,
      updated_at = now()
    from unnest(partitions, epochs, from_offsets, next_offsets, write_times, event_times, watermarks)
      as m (partition, epoch, from_offset, next_offset, write_time, event_time, watermark)
    where p.group_id = of_group and p.topic = of_topic and p.partition = m.partition
      and p.epoch = m.epoch and p.next_offset = m.from_offset and p.idle_at is null
    returning p.partition
  )
  select coalesce(array_agg(changed.partition), '{}') into moved from changed;
  if cardinality(moved) <> cardinality(partitions) then
    select m.partition, m.epoch, m.from_offset, p.epoch as held_epoch, p.next_offset as held_offset, p.idle_at
      into missed
      from unnest(partitions, epochs, from_offsets) as m (partition, epoch, from_offset)
      left join weir.positions as p
        on p.group_id = of_group and p.topic = of_topic and p.partition = m.partition
      where m.partition <> all (moved)
      order by m.partition limit 1;
    raise exception using errcode = 'WR001', message = format(
      'group %L is not where it should be in partition %s of topic %L: expected offset %s of epoch %s, the warehouse holds %s%s',
      of_group, missed.partition, of_topic, missed.from_offset, missed.epoch,
      case when missed.held_epoch is null then 'no position'
        else format('offset %s of epoch %s', missed.held_offset, missed.held_epoch) end,
      case when missed.idle_at is null then '' else ', idle' end);
  end if;
end
$body$;
`;
