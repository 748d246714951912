import type { BenchRecord } from "./batches.ts";

/** A made-up user as `users_created` takes it, about 430 bytes of JSON; the same number always gives the same user. */
export function benchUser(n: number): Record<string, string> {
  const id = `${hex(n, 8)}-0000-4000-8000-${hex(n * 2654435761, 12)}`;
  const name = names[n % names.length]!;
  return {
    id,
    first_name: name,
    last_name: `${names[(n * 7) % names.length]}son`,
    gender: n % 2 === 0 ? "female" : "male",
    address: `${n % 9000} ${names[(n * 13) % names.length]} Street, Springfield, Ohio, United States`,
    post_code: `${10_000 + n % 89_999}`,
    email: `${name.toLowerCase()}.${n}@example.com`,
    username: `${name.toLowerCase()}${n}`,
    dob: "1985-07-14T03:21:09.123Z",
    registered_date: "2015-02-03T11:45:31.456Z",
    phone: `(555) ${String(n % 10_000_000).padStart(7, "0")}`,
    picture: `https://randomuser.me/api/portraits/med/men/${n % 100}.jpg`,
  };
}

const names = [
  "Ada",
  "Grace",
  "Edsger",
  "Barbara",
  "Donald",
  "Frances",
  "Niklaus",
  "Radia",
  "Tony",
  "Hedy",
  "Leslie",
];

function hex(n: number, digits: number): string {
  return (n % 16 ** Math.min(digits, 12)).toString(16).padStart(digits, "0").slice(-digits);
}

/**
 * The same users as records of one of so many keys, as their `username`. Their timestamps make a thousand records a
 * second of event time, so that a minute's window holds 60,000.
 */
export function keyedUser(n: number, keys: number): BenchRecord {
  const username = `user${n % keys}`;
  return {
    key: username,
    value: JSON.stringify({ ...benchUser(n), username }),
    timestamp: firstTimestamp + n,
  };
}

/** A user as a record with its id as key. */
export function userRecord(n: number): BenchRecord {
  const user = benchUser(n);
  return { key: user.id!, value: JSON.stringify(user) };
}

const firstTimestamp = Date.UTC(2026, 0, 1);
