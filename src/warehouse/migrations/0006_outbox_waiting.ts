/** Numbers in the outbox have gaps from now on, so how many rows wait is counted. */
export const outboxWaiting = `
alter table weir.outbox_streams add column waiting bigint not null default 0;
update weir.outbox_streams as s set waiting = (select count(*) from weir.outbox as o where o.stream = s.stream);
comment on column weir.outbox_streams.waiting is 'rows that are not delivered yet';
comment on column weir.outbox_streams.last_sequence is
  'of the last row; microseconds since created_at or one more than the one before, in the order of commits';
`;
