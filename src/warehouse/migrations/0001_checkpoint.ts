/**
 * The checkpoints, the runs that were taken, and the compare-and-set of positions. `weir.advance` raises WR001 when a
 * partition is not where it should be, so that a transaction that contains it cannot commit.
 */
export const checkpoint = `
create table weir.positions (
  group_id text not null,
  topic text not null,
  partition integer not null,
  epoch bigint not null,
  next_offset bigint not null,
  write_time bigint not null default 0,
  event_time double precision,
  updated_at timestamp with time zone not null default now(),
  primary key (group_id, topic, partition)
);
comment on column weir.positions.epoch is 'goes up by one with every change of owner';
comment on column weir.positions.next_offset is 'the first offset that is not in the warehouse yet';
comment on column weir.positions.write_time is 'of the last record in converging tables, microseconds since 1970';
comment on column weir.positions.event_time is 'the largest seen, milliseconds since 1970';

create table weir.runs (
  pipeline text not null,
  scheduled_at timestamp with time zone not null,
  taken_at timestamp with time zone not null default now(),
  primary key (pipeline, scheduled_at)
);

create function weir.advance(
  of_group text,
  of_topic text,
  partitions integer[],
  epochs bigint[],
  from_offsets bigint[],
  next_offsets bigint[],
  write_times bigint[],
  event_times double precision[]
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
    set next_offset = m.next_offset, write_time = m.write_time, event_time = m.event_time, updated_at = now()
    from unnest(partitions, epochs, from_offsets, next_offsets, write_times, event_times)
      as m (partition, epoch, from_offset, next_offset, write_time, event_time)
    where p.group_id = of_group and p.topic = of_topic and p.partition = m.partition
      and p.epoch = m.epoch and p.next_offset = m.from_offset
    returning p.partition
  )
  select coalesce(array_agg(changed.partition), '{}') into moved from changed;
  if cardinality(moved) <> cardinality(partitions) then
    select m.partition, m.epoch, m.from_offset, p.epoch as held_epoch, p.next_offset as held_offset into missed
      from unnest(partitions, epochs, from_offsets) as m (partition, epoch, from_offset)
      left join weir.positions as p
        on p.group_id = of_group and p.topic = of_topic and p.partition = m.partition
      where m.partition <> all (moved)
      order by m.partition limit 1;
    raise exception using errcode = 'WR001', message = format(
      'group %L is not where it should be in partition %s of topic %L: expected offset %s of epoch %s, the warehouse holds %s',
      of_group, missed.partition, of_topic, missed.from_offset, missed.epoch,
      case when missed.held_epoch is null then 'no position'
        else format('offset %s of epoch %s', missed.held_offset, missed.held_epoch) end);
  end if;
end
$body$;
`;
