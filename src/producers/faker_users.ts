import type { Faker } from "@faker-js/faker";
import { checkCount } from "./count.ts";
import { openFaker } from "./faker.ts";
import type { Producer } from "./mod.ts";
import { mostResults, type RandomUser, type RandomUserAnswer, toUser, type User } from "./random_user.ts";

/** The options of {@linkcode fakerUsers}. */
export interface FakerUsersOptions {
  /** How many users a run produces. Default: 20. */
  readonly count?: number;
  /** With a seed every run produces the same users. Default: none. */
  readonly seed?: number;
}

/**
 * Made-up users, from Faker: what randomuser.me's API would answer, without a network.
 *
 * @throws {TypeError} when `count` is not a whole number from 1 to 5000.
 *
 * @example
 * ```ts
 * import { fakerUsers } from "weir";
 * const schedule = { cron: "* * * * *", produce: fakerUsers({ count: 100 }) };
 * ```
 */
export function fakerUsers({ count = 20, seed }: FakerUsersOptions = {}): Producer<User> {
  checkCount("fakerUsers()", count, mostResults);
  return async function* (run) {
    const faker = await openFaker(seed);
    for (const result of fakeAnswer(faker, count, run.scheduledAt).results) {
      const value = toUser(result);
      yield { key: value.id, value };
    }
  };
}

/** An answer in the shape of randomuser.me's API. */
export function fakeAnswer(faker: Faker, count: number, now: Date): RandomUserAnswer {
  const results = Array.from({ length: count }, () => fakeResult(faker, now));
  return {
    results,
    info: {
      seed: faker.string.hexadecimal({ length: 16, prefix: "", casing: "lower" }),
      results: count,
      page: 1,
      version: "1.4",
    },
  };
}

function fakeResult(faker: Faker, now: Date): RandomUser {
  const gender = faker.person.sexType();
  const first = faker.person.firstName(gender);
  const last = faker.person.lastName(gender);
  const hex = (length: number) => faker.string.hexadecimal({ length, prefix: "", casing: "lower" });
  // Fixed ranges, so that a seed gives the same dates whenever it is used.
  const dob = dateBetween(faker, "1945-01-01", "2003-01-01", now);
  return {
    gender,
    name: { title: gender === "female" ? "Ms" : "Mr", first, last },
    location: {
      street: { number: faker.number.int({ min: 1, max: 9999 }), name: faker.location.street() },
      city: faker.location.city(),
      state: faker.location.state(),
      country: "United States",
      postcode: faker.location.zipCode("#####"),
      coordinates: {
        latitude: String(faker.location.latitude()),
        longitude: String(faker.location.longitude()),
      },
      timezone: { offset: "-6:00", description: "Central Time (US & Canada), Mexico City" },
    },
    email: faker.internet.exampleEmail({ firstName: first, lastName: last }).toLowerCase(),
    login: {
      uuid: faker.string.uuid(),
      username: faker.internet.username({ firstName: first, lastName: last }).toLowerCase(),
      password: faker.internet.password(),
      salt: faker.string.alphanumeric(8),
      md5: hex(32),
      sha1: hex(40),
      sha256: hex(64),
    },
    dob,
    registered: dateBetween(faker, "2003-01-01", "2024-01-01", now),
    phone: faker.phone.number({ style: "national" }),
    cell: faker.phone.number({ style: "national" }),
    id: { name: "SSN", value: faker.helpers.replaceSymbols("###-##-####") },
    picture: portrait(gender === "female" ? "women" : "men", faker.number.int({ min: 0, max: 99 })),
    nat: "US",
  };
}

function dateBetween(faker: Faker, from: string, to: string, now: Date): RandomUser["dob"] {
  const date = faker.date.between({ from, to });
  const birthdayComes = now.toISOString().slice(5) < date.toISOString().slice(5) ? 1 : 0;
  return { date: date.toISOString(), age: now.getUTCFullYear() - date.getUTCFullYear() - birthdayComes };
}

function portrait(who: "women" | "men", number: number): RandomUser["picture"] {
  const base = "https://randomuser.me/api/portraits";
  return {
    large: `${base}/${who}/${number}.jpg`,
    medium: `${base}/med/${who}/${number}.jpg`,
    thumbnail: `${base}/thumb/${who}/${number}.jpg`,
  };
}
