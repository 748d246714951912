/** Lines of `name$address$year`, made up every minute, to Cassandra. */
import { cassandraTable, delimited, kafka, map, pipeline } from "../mod.ts";
import { fakerRegisteredUsers, type RegisteredUser } from "../producers/faker_registered_users.ts";

const columns = { name: "text", address: "text", data: "text" } as const;

export default pipeline("registered_users", {
  schedule: { cron: "* * * * *", produce: fakerRegisteredUsers() },
  source: kafka("registered_user_2", {
    group: "spark-streaming-notes",
    codec: delimited(["name", "address", "year"], "$"),
    // Where the group starts that has no position yet. To start at given offsets instead, name them by partition, as
    // in { 0: 120, 1: 95 }; partitions that are not named start at the earliest record.
    from: "earliest",
  }),
  outputs: (stream) => [
    stream.pipe(map(toRow)).to(cassandraTable("my_keyspace.user_details_5", { columns, key: ["name"] })),
  ],
});

/** The row of the table: the year is its `data`. */
export function toRow({ name, address, year }: RegisteredUser) {
  return { name, address, data: year };
}
