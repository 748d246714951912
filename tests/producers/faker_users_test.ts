import assert from "node:assert/strict";
import { openFaker } from "../../src/producers/faker.ts";
import { fakerRegisteredUsers } from "../../src/producers/faker_registered_users.ts";
import { fakeAnswer, fakerUsers } from "../../src/producers/faker_users.ts";
import { usersOf } from "../../src/producers/random_user.ts";
import { heldRun, produce } from "../support/producer_run.ts";

Deno.test("a run gives as many users as asked for, keyed by id, no two the same", async () => {
  const users = await produce(fakerUsers({ count: 500 }));
  assert.equal(new Set(users.map((user) => user.value.id)).size, 500);
  assert.ok(users.every((user) => user.key === user.value.id));
  assert.equal((await produce(fakerUsers())).length, 20);
});

Deno.test("the same seed gives the same users, whenever it runs", async () => {
  const first = await produce(fakerUsers({ seed: 7 }));
  const later = await produce(
    fakerUsers({ seed: 7 }),
    heldRun({ scheduledAt: new Date("2031-01-01T00:00:00Z") }),
  );
  const other = await produce(fakerUsers({ seed: 8 }));
  assert.deepEqual(first, later);
  assert.notDeepEqual(first, other);
});

Deno.test("two runs at once do not disturb each other's seed", async () => {
  const alone = await produce(fakerUsers({ seed: 7 }));
  const [together] = await Promise.all([
    produce(fakerUsers({ seed: 7 })),
    produce(fakerUsers({ seed: 8 })),
    produce(fakerUsers()),
  ]);
  assert.deepEqual(together, alone);
  assert.notDeepEqual(await produce(fakerUsers()), await produce(fakerUsers()), "no seed is left behind");
});

Deno.test("made-up answers have the shape of the API", async () => {
  const answer = fakeAnswer(await openFaker(1), 50, new Date("2025-06-15T12:00:00Z"));
  assert.equal(usersOf(JSON.parse(JSON.stringify(answer))).length, 50);
  assert.equal(answer.info.results, 50);
  for (const { dob, login, email, gender, picture, nat } of answer.results) {
    const years = (Date.parse("2025-06-15T12:00:00Z") - Date.parse(dob.date)) / (365.2425 * 86_400_000);
    assert.ok(Math.abs(years - dob.age - 0.5) <= 0.51, `${dob.date} is ${dob.age} years ago`);
    assert.match(login.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual([login.md5.length, login.sha1.length, login.sha256.length], [32, 40, 64]);
    assert.match(email, /^\S+@example\.(com|net|org)$/);
    assert.ok(gender === "female" || gender === "male");
    assert.ok(picture.medium.includes(gender === "female" ? "/women/" : "/men/"));
    assert.equal(nat, "US");
  }
});

Deno.test("registered users never hold the separator", async () => {
  const users = await produce(fakerRegisteredUsers({ count: 2_000, seed: 1 }));
  assert.equal(users.length, 2_000);
  for (const { key, value } of users) {
    assert.equal(key, value.name);
    assert.ok(!`${value.name}${value.address}${value.year}`.includes("$"));
    assert.match(value.year, /^\d{4}$/);
  }
  assert.deepEqual(users, await produce(fakerRegisteredUsers({ count: 2_000, seed: 1 })));
});

Deno.test("a count that cannot be right is refused", () => {
  assert.throws(
    () => fakerUsers({ count: 0 }),
    /fakerUsers\(\): count 0 must be a whole number from 1 to 5000/,
  );
  assert.throws(() => fakerUsers({ count: 2.5 }), /count 2.5/);
  assert.throws(() => fakerRegisteredUsers({ count: 5_001 }), /fakerRegisteredUsers\(\): count 5001/);
});
