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
};
