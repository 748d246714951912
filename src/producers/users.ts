import { fakerUsers } from "./faker_users.ts";
import type { Producer } from "./mod.ts";
import type { User } from "./random_user.ts";
import { randomUserApi } from "./random_user_api.ts";

/** Users from the API at `RANDOM_USER_API_URL` when that is set, else from Faker. */
export function users(): Producer<User> {
  return async function* (run) {
    const url = run.env("RANDOM_USER_API_URL");
    yield* (url ? randomUserApi({ url: checked(url) }) : fakerUsers())(run);
  };
}

function checked(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Error(
      `RANDOM_USER_API_URL "${url}" is not an address; give one as in https://randomuser.me/api/, or unset it to use Faker`,
    );
  }
  return url;
}
