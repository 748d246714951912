/**
 * Users, from an API or made up, every minute: to Cassandra, to Postgres, enriched to another topic, and counted per
 * minute by gender.
 */
import {
  aggregate,
  type AvroValue,
  cassandraTable,
  count,
  json,
  kafka,
  map,
  pipeline,
  postgresTable,
  type RecordContext,
  topic,
  tumbling,
  validate,
} from "../mod.ts";
import { users } from "../producers/users.ts";

/** What the topic `users_created` takes. Other clients may send a number as post code, and fields of their own. */
export const userSchema = {
  type: "record",
  name: "User",
  fields: [
    { name: "id", type: "string" },
    { name: "first_name", type: "string" },
    { name: "last_name", type: "string" },
    { name: "gender", type: "string" },
    { name: "address", type: "string" },
    { name: "post_code", type: ["string", "long"] },
    { name: "email", type: "string" },
    { name: "username", type: "string" },
    { name: "dob", type: "string" },
    { name: "registered_date", type: "string" },
    { name: "phone", type: "string" },
    { name: "picture", type: "string" },
  ],
} as const;

/** What the topic `users_enriched` gets. What cannot be told is null. */
export const enrichedSchema = {
  type: "record",
  name: "EnrichedUser",
  fields: [
    { name: "id", type: "string" },
    { name: "full_name", type: "string" },
    { name: "gender", type: "string" },
    { name: "age", type: ["null", "int"] },
    { name: "email_domain", type: "string" },
    { name: "country", type: ["null", "string"] },
    { name: "registered_date", type: "string" },
  ],
} as const;

type CreatedUser = AvroValue<typeof userSchema>;
type EnrichedUser = AvroValue<typeof enrichedSchema>;

export const userColumns = {
  id: "text",
  first_name: "text",
  last_name: "text",
  gender: "text",
  address: "text",
  post_code: "text",
  email: "text",
  username: "text",
  dob: "text",
  registered_date: "text",
  phone: "text",
  picture: "text",
} as const;

export default pipeline("users", {
  schedule: { cron: "* * * * *", produce: users() },
  source: kafka("users_created", { group: "weir-users", codec: json(userSchema) }),
  outputs: (stream) => {
    const rows = stream.pipe(validate(isPlausible), map(toRow));
    return [
      rows.to(cassandraTable("spark_streams.created_users", { columns: userColumns, key: ["id"] })),
      rows.to(postgresTable("users", { columns: userColumns, key: ["id"] })),
      rows.pipe(map(enrich)).to(
        topic("users_enriched", { key: (user) => user.id, codec: json(enrichedSchema) }),
      ),
      rows.pipe(
        aggregate({
          by: (user) => ({ gender: user.gender }),
          window: tumbling("1m"),
          compute: { users: count() },
        }),
      ).to(postgresTable("users_per_minute")),
    ];
  },
  deadLetter: topic("users_created.dead-letter"),
});

/** True, or what is wrong with the user. */
export function isPlausible(user: CreatedUser): true | string {
  if (user.id === "") return "id is empty";
  if (!user.email.includes("@")) return `email ${JSON.stringify(user.email)} has no @`;
  return true;
}

/** The row of the tables: the post code is text there. */
export function toRow(user: CreatedUser) {
  return { ...user, post_code: String(user.post_code) };
}

/** What can be told from the user's fields and the record's time. */
export function enrich(
  user: Omit<CreatedUser, "post_code">,
  record: Pick<RecordContext, "timestamp">,
): EnrichedUser {
  return {
    id: user.id,
    full_name: `${user.first_name} ${user.last_name}`.trim(),
    gender: user.gender,
    age: yearsBetween(user.dob, record.timestamp),
    email_domain: user.email.slice(user.email.lastIndexOf("@") + 1).toLowerCase(),
    country: user.address.includes(",") ? user.address.slice(user.address.lastIndexOf(",") + 1).trim() : null,
    registered_date: user.registered_date,
  };
}

/** Full years from an ISO 8601 date to a time; null when it is no such date or a later one. */
function yearsBetween(date: string, time: number): number | null {
  const from = /^\d{4}-\d{2}-\d{2}/.test(date) ? new Date(date) : new Date(NaN);
  if (Number.isNaN(from.getTime()) || from.getTime() > time) return null;
  const to = new Date(time);
  const years = to.getUTCFullYear() - from.getUTCFullYear();
  const birthday = new Date(from);
  birthday.setUTCFullYear(to.getUTCFullYear());
  return birthday.getTime() > time ? years - 1 : years;
}
