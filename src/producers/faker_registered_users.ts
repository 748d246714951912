import type { DelimitedRow } from "../codecs/delimited.ts";
import { checkCount } from "./count.ts";
import { openFaker } from "./faker.ts";
import type { FakerUsersOptions } from "./faker_users.ts";
import type { Producer } from "./mod.ts";

/** Someone who registered: `name$address$year`, so none of the three holds a `$`. */
export type RegisteredUser = DelimitedRow<readonly ["name", "address", "year"]>;

/**
 * Made-up names, addresses and years of registration, from Faker. The key is the name.
 *
 * @throws {TypeError} when `count` is not a whole number from 1 to 5000.
 */
export function fakerRegisteredUsers({ count = 20, seed }: FakerUsersOptions = {}): Producer<RegisteredUser> {
  checkCount("fakerRegisteredUsers()", count, 5_000);
  return async function* () {
    const faker = await openFaker(seed);
    for (let i = 0; i < count; i++) {
      const value = {
        name: withoutDollar(faker.person.fullName()),
        address: withoutDollar(faker.location.streetAddress(true)),
        year: String(faker.number.int({ min: 1990, max: 2024 })),
      };
      yield { key: value.name, value };
    }
  };
}

function withoutDollar(text: string): string {
  return text.replaceAll("$", "");
}
