import assert from "node:assert/strict";
import { openFaker } from "../../src/producers/faker.ts";
import { fakeAnswer } from "../../src/producers/faker_users.ts";
import { users } from "../../src/producers/users.ts";
import { heldRun, produce } from "../support/producer_run.ts";
import { answer, ScriptedServer } from "../support/scripted_server.ts";

const noNetwork = () => Promise.reject(new Error("the network was used"));

Deno.test("without RANDOM_USER_API_URL users come from Faker, and the network is left alone", async () => {
  assert.equal((await produce(users(), heldRun({ fetch: noNetwork }))).length, 20);
  assert.equal((await produce(users(), heldRun({ fetch: noNetwork, env: () => "" }))).length, 20);
});

Deno.test("with RANDOM_USER_API_URL they come from there", async () => {
  const body = fakeAnswer(await openFaker(3), 2, new Date());
  await using server = new ScriptedServer(answer(body));
  const env = (name: string) => name === "RANDOM_USER_API_URL" ? server.url : undefined;
  const produced = await produce(users(), heldRun({ env }));
  assert.deepEqual(produced.map((each) => each.key), body.results.map((each) => each.login.uuid));
});

Deno.test("a RANDOM_USER_API_URL that is no address is named", async () => {
  await assert.rejects(
    produce(users(), heldRun({ env: () => "randomuser" })),
    /RANDOM_USER_API_URL "randomuser" is not an address; give one as in https:/,
  );
});
