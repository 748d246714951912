/** Which topic a position is one in: its name may be another topic's by now. */
export const topicIds = `
alter table weir.positions add column topic_id text;
comment on column weir.positions.topic_id is 'of the topic that next_offset is an offset in; null as long as it is not known';
`;
