/** Results on their way to another place than the warehouse: written by the transaction that makes them. */
export const outbox = `
create table weir.outbox_streams (
  stream text primary key,
  last_sequence bigint not null default 0,
  holder text,
  held_until timestamp with time zone,
  created_at timestamp with time zone not null default now()
);
comment on column weir.outbox_streams.last_sequence is 'of the last row; given out in the order of commits, without gaps';
comment on column weir.outbox_streams.holder is 'the process that delivers the stream';

create table weir.outbox (
  stream text not null references weir.outbox_streams,
  sequence bigint not null,
  result jsonb not null,
  primary key (stream, sequence)
);
comment on table weir.outbox is 'rows go when they are delivered';
`;
