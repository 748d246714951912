import {
  aggregate,
  cassandraTable,
  count,
  json,
  kafka,
  max,
  pipeline,
  postgresTable,
  topic,
  tumbling,
} from "weir";

const schema = {
  type: "record",
  name: "Thing",
  fields: [
    { name: "id", type: "string" },
    { name: "amount", type: "double" },
    { name: "at", type: "double" },
    { name: "note", type: ["null", "string"], default: null },
  ],
} as const;

const columns = { id: "text", amount: "double", note: "text?" } as const;

/** Writes to everything that there is, and validates nothing by itself. */
export default pipeline("fuzzed", {
  source: kafka("fuzz", {
    group: "fuzz",
    codec: json(schema),
    eventTime: (thing) => thing.at,
    partitions: 4,
  }),
  outputs: (stream) => [
    stream.to(cassandraTable("fuzz.things", { columns, key: ["id"] })),
    stream.to(postgresTable("things", { columns, key: ["id"] })),
    stream.to(topic("fuzz_out", { key: (thing) => thing.id, codec: json(schema) })),
    stream.pipe(aggregate({
      by: ({ id }) => ({ kind: id.slice(0, 4) }),
      window: tumbling("1h"),
      compute: { things: count(), most: max((thing) => thing.amount) },
    })).to(postgresTable("things_per_hour")),
  ],
});
