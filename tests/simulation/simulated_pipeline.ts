import { aggregate, cassandraTable, count, filter, flatMap, json, kafka, map, pipeline } from "weir";
import { postgresTable, sum, topic, tumbling, validate } from "weir";

export const sourceTopic = "things";
export const outTopic = "out";
export const deadLetterTopic = "things.dead-letter";
export const group = "simulation";
/** The group that holds the cursor of the output topic. */
export const cursorGroup = `${group}.${outTopic}`;
export const windowSize = 10_000;
/** Bytes of a value that the topics written to take. */
export const mostOutBytes = 2_000;

/** What becomes of a record is told by its id: `good-17`, `filtered-3`, ... */
export interface Thing {
  readonly id: string;
  readonly key: string;
  readonly amount: number;
  /** Event time, ms since 1970. */
  readonly at: number;
  /** Rows that it gives in the table `parts`. */
  readonly parts: number;
  readonly padding: string;
}

const schema = {
  type: "record",
  name: "Thing",
  fields: [
    { name: "id", type: "string" },
    { name: "key", type: "string" },
    { name: "amount", type: "int" },
    { name: "at", type: "long" },
    { name: "parts", type: "int" },
    { name: "padding", type: "string" },
  ],
} as const;

/** One of everything that a pipeline writes to. */
export const simulatedPipeline = pipeline("simulated", {
  source: kafka(sourceTopic, { group, codec: json(schema), eventTime: (thing) => thing.at, partitions: 3 }),
  outputs: (stream) => {
    const good = stream.pipe(
      validate((thing) => !thing.id.startsWith("invalid") || "it says so"),
      filter((thing) => !thing.id.startsWith("filtered")),
    );
    return [
      good.pipe(map(({ id, key }) => ({ id, key }))).to(
        cassandraTable("sim.latest", { columns: { key: "text", id: "text" }, key: ["key"] }),
      ),
      good.pipe(flatMap(({ id, key, parts }) => {
        return Array.from({ length: parts }, (_, part) => ({ part: `${key}.${part}`, id }));
      })).to(cassandraTable("sim.parts", { columns: { part: "text", id: "text" }, key: ["part"] })),
      good.pipe(map(({ id, key }) => ({ id, key }))).to(
        postgresTable("things", { columns: { id: "text", key: "text" }, key: ["id"] }),
      ),
      good.pipe(aggregate({ by: ({ id }) => ({ id }), compute: { times: count() } })).to(
        postgresTable("times"),
      ),
      good.pipe(aggregate({
        by: ({ key }) => ({ key }),
        window: tumbling("10s"),
        compute: { things: count(), amount: sum((thing) => thing.amount) },
      })).to(postgresTable("windows")),
      good.to(topic(outTopic, { key: ({ key }) => key, codec: json(schema), partitions: 2 })),
    ];
  },
});
