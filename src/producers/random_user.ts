import { avroCheck, type AvroSchema } from "../codecs/avro.ts";

/** The answer of randomuser.me's API, version 1.4: https://randomuser.me/documentation */
export interface RandomUserAnswer {
  readonly results: readonly RandomUser[];
  readonly info: {
    readonly seed: string;
    readonly results: number;
    readonly page: number;
    readonly version: string;
  };
}

/** One result of the API. */
export interface RandomUser {
  readonly gender: string;
  readonly name: { readonly title: string; readonly first: string; readonly last: string };
  readonly location: {
    readonly street: { readonly number: number; readonly name: string };
    readonly city: string;
    readonly state: string;
    readonly country: string;
    /** A number in some countries, text in others. */
    readonly postcode: string | number;
    /** Degrees, as text. */
    readonly coordinates: { readonly latitude: string; readonly longitude: string };
    readonly timezone: { readonly offset: string; readonly description: string };
  };
  readonly email: string;
  readonly login: {
    readonly uuid: string;
    readonly username: string;
    readonly password: string;
    readonly salt: string;
    readonly md5: string;
    readonly sha1: string;
    readonly sha256: string;
  };
  /** ISO 8601, and years since then. */
  readonly dob: { readonly date: string; readonly age: number };
  readonly registered: { readonly date: string; readonly age: number };
  readonly phone: string;
  readonly cell: string;
  /** The national identity number, where the country has one. */
  readonly id: { readonly name: string; readonly value: string | null };
  readonly picture: { readonly large: string; readonly medium: string; readonly thumbnail: string };
  /** Two-letter code of the country. */
  readonly nat: string;
}

/** A user as the topic `users_created` has it. */
export interface User {
  readonly id: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly gender: string;
  /** `<number> <street>, <city>, <state>, <country>` */
  readonly address: string;
  readonly post_code: string;
  readonly email: string;
  readonly username: string;
  /** ISO 8601, as the two below. */
  readonly dob: string;
  readonly registered_date: string;
  readonly phone: string;
  /** The address of an image of 72 pixels. */
  readonly picture: string;
}

/** The most results that the API gives at once; asked for more, it gives one. */
export const mostResults = 5_000;

/** Flattens one result. */
export function toUser(result: RandomUser): User {
  const { name, location, login } = result;
  const { street, city, state, country } = location;
  return {
    id: login.uuid,
    first_name: name.first,
    last_name: name.last,
    gender: result.gender,
    address: `${street.number} ${street.name}, ${city}, ${state}, ${country}`,
    post_code: String(location.postcode),
    email: result.email,
    username: login.username,
    dob: result.dob.date,
    registered_date: result.registered.date,
    phone: result.phone,
    picture: result.picture.medium,
  };
}

/**
 * The users of an answer.
 *
 * @throws {TypeError} when it has another shape; the message names the field.
 */
export function usersOf(answer: unknown): User[] {
  const problem = avroCheck(usedFields)(answer);
  if (problem !== undefined) throw new TypeError(`not the shape of randomuser.me's API: ${problem}`);
  return (answer as RandomUserAnswer).results.map(toUser);
}

/** Of the API's shape only what `toUser` reads, so that the rest may change. */
const usedFields: AvroSchema = record("answer", {
  results: {
    type: "array",
    items: record("result", {
      gender: "string",
      name: record("name", { first: "string", last: "string" }),
      location: record("location", {
        street: record("street", { number: "long", name: "string" }),
        city: "string",
        state: "string",
        country: "string",
        postcode: ["string", "long"],
      }),
      email: "string",
      login: record("login", { uuid: "string", username: "string" }),
      dob: record("dob", { date: "string" }),
      registered: record("registered", { date: "string" }),
      phone: "string",
      picture: record("picture", { medium: "string" }),
    }),
  },
});

function record(name: string, fields: Readonly<Record<string, AvroSchema>>): AvroSchema {
  return { type: "record", name, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}
