/** A pipeline that comes with Weir. */
export interface ReadyMade {
  /** The module whose default export is the pipeline: the main thread and the workers each import it. */
  readonly url: string;
  /** One line on what it does. */
  readonly summary: string;
}

/** The pipelines that come with Weir, by name. None is imported until it is run. */
export const readyMade: Readonly<Record<string, ReadyMade>> = {
  users: {
    url: new URL("./users.ts", import.meta.url).href,
    summary:
      "users from Faker or randomuser.me's API, to Cassandra, Postgres and a topic, and counted per minute",
  },
  registered_users: {
    url: new URL("./registered_users.ts", import.meta.url).href,
    summary: "lines of name$address$year to Cassandra",
  },
  word_count: {
    url: new URL("./word_count.ts", import.meta.url).href,
    summary: "words of made-up lines, counted so far and per minute, to Postgres",
  },
  sensor_temperature: {
    url: new URL("./sensor_temperature.ts", import.meta.url).href,
    summary:
      "thermometers: means over 5 minutes that slide by 30 s to Postgres, moving averages to Cassandra",
  },
  web_traffic: {
    url: new URL("./web_traffic.ts", import.meta.url).href,
    summary: "page views of one region, joined with a table of sites, and counted per page and minute",
  },
  card_fraud: {
    url: new URL("./card_fraud.ts", import.meta.url).href,
    summary: "payments by card that are too many or too far apart in a minute, as alerts to a topic",
  },
};
