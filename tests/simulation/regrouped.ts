import { delimited, kafka, map, mapWithState, pipeline, postgresTable, repartition } from "weir";

const codec = delimited(["id", "key"], ",");

export const sourceTopic = "things";
/** What is between the stages. */
export const passageTopic = "by_key";
const group = "g";

/** A pipeline of two stages. Behind it numbers the records of each key, which are in all partitions of the source. */
export const regrouped = pipeline("regrouped", {
  source: kafka(sourceTopic, { group, codec }),
  outputs: (things) => {
    const numbered = things.pipe(
      repartition(passageTopic, { key: ({ key }) => key, codec, partitions: 2 }),
      mapWithState({
        by: ({ key }) => key,
        initial: () => 0,
        update: (count, { id, key }) => ({ state: count + 1, emit: [{ key, number: count + 1, id }] }),
      }),
    );
    const columns = { key: "text", number: "int", id: "text" } as const;
    return [
      things.pipe(map(({ id }) => ({ id }))).to(
        postgresTable("seen", { columns: { id: "text" }, key: ["id"] }),
      ),
      numbered.to(postgresTable("numbered", { columns, key: ["key", "number"] })),
    ];
  },
});

/** What reads the topic in between. */
export const behind = regrouped.stages[0]!;

/** The group that holds the first stage's cursors. */
export const cursorGroup = `${group}.${passageTopic}`;
