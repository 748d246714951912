/** What operators keep for each key. Rows change only in the transactions that move their partition's position. */
export const state = `
create table weir.state (
  group_id text collate "C" not null,
  topic text collate "C" not null,
  partition integer not null,
  operator text collate "C" not null,
  key text collate "C" not null,
  value text,
  touched double precision not null,
  turn bigint not null,
  primary key (group_id, topic, partition, operator, key)
) with (fillfactor = 85);
create index state_removed on weir.state (group_id, topic, partition) where value is null;
comment on column weir.state.operator is 'the name that the operator has in its pipeline';
comment on column weir.state.key is 'as JSON';
comment on column weir.state.value is 'as JSON; null only within a transaction that removes the row';
comment on column weir.state.touched is 'the event time of the partition at the last use, milliseconds since 1970';
comment on column weir.state.turn is 'orders the keys of an operator by their last change';
`;
