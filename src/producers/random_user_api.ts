import { type Duration, milliseconds } from "../duration.ts";
import { checkCount } from "./count.ts";
import { getJson } from "./get_json.ts";
import type { Producer } from "./mod.ts";
import { mostResults, type User, usersOf } from "./random_user.ts";

/** The options of {@linkcode randomUserApi}. */
export interface RandomUserApiOptions {
  /** Query parameters such as `nat` are kept. Default: `https://randomuser.me/api/`. */
  readonly url?: string;
  /** How many users a run asks for. Default: the `results` in the address, else 20. */
  readonly count?: number;
  /** How long one attempt may take. Default: 10 s. */
  readonly timeout?: Duration;
  /** How often a run asks at most when it fails. Default: 5. */
  readonly attempts?: number;
  /** From 0 to below 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

/**
 * Users from randomuser.me's API, or another one of the same shape. A run asks once, and again for what may pass by
 * itself: see {@linkcode getJson}. It produces all users of an answer, or none when one of them is not right.
 *
 * @throws {TypeError} when an option cannot be right.
 *
 * @example
 * ```ts
 * import { randomUserApi } from "weir";
 * const produce = randomUserApi({ url: "https://randomuser.me/api/?nat=gb,us", count: 100 });
 * ```
 */
export function randomUserApi(options: RandomUserApiOptions = {}): Producer<User> {
  const { timeout = "10s", attempts = 5, random = Math.random, now = Date.now } = options;
  const url = requestUrl(options.url ?? "https://randomuser.me/api/", options.count);
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError(`randomUserApi(): attempts ${attempts} must be a whole number from 1`);
  }
  const asking = { timeout: milliseconds(timeout), attempts, random, now };
  return async function* (run) {
    const users = usersOf(await getJson(url, run, asking));
    for (const value of users) yield { key: value.id, value };
  };
}

function requestUrl(address: string, count: number | undefined): URL {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(
      `randomUserApi(): url "${address}" must start with http:// or https://, as in "https://randomuser.me/api/"`,
    );
  }
  if (count !== undefined) checkCount("randomUserApi()", count, mostResults);
  if (count !== undefined || !url.searchParams.has("results")) {
    url.searchParams.set("results", String(count ?? 20));
  }
  return url;
}
