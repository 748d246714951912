import assert from "node:assert/strict";
import { describeError } from "../../src/errors.ts";
import { openFaker } from "../../src/producers/faker.ts";
import { fakeAnswer } from "../../src/producers/faker_users.ts";
import { type RandomUserAnswer, toUser } from "../../src/producers/random_user.ts";
import { randomUserApi, type RandomUserApiOptions } from "../../src/producers/random_user_api.ts";
import { heldRun, produce } from "../support/producer_run.ts";
import { answer, BreakingServer, hang, ScriptedServer, stall } from "../support/scripted_server.ts";

const now = Date.parse("2025-06-15T12:00:00Z");

async function goodAnswer(count: number): Promise<RandomUserAnswer> {
  return fakeAnswer(await openFaker(1), count, new Date(now));
}

/** With randomness held at its smallest: a pause is half of the full one. */
function api(url: string, options: RandomUserApiOptions = {}) {
  return randomUserApi({ url, random: () => 0, now: () => now, ...options });
}

async function failure(producing: Promise<unknown>): Promise<string> {
  let text = "";
  await assert.rejects(producing, (error) => {
    text = describeError(error);
    return true;
  });
  return text;
}

Deno.test("the API's results become users, keyed by id", async () => {
  const body = await goodAnswer(3);
  await using server = new ScriptedServer(answer(body));
  const produced = await produce(api(server.url, { count: 3 }));
  assert.deepEqual(produced.map((each) => each.value), body.results.map(toUser));
  assert.deepEqual(produced.map((each) => each.key), body.results.map((each) => each.login.uuid));
});

Deno.test("it asks for the count and keeps the address's other parameters", async () => {
  const body = await goodAnswer(1);
  await using server = new ScriptedServer(answer(body));
  await produce(api(`${server.url}?nat=gb,us&results=7`));
  await produce(api(`${server.url}?nat=gb,us&results=7`, { count: 40 }));
  await produce(api(server.url));
  assert.deepEqual(server.requests.map((url) => Object.fromEntries(url.searchParams)), [
    { nat: "gb,us", results: "7" },
    { nat: "gb,us", results: "40" },
    { results: "20" },
  ]);
});

Deno.test("numbers as post codes and unknown fields are fine", async () => {
  const [result] = (await goodAnswer(1)).results;
  const body = {
    results: [{ ...result, shoe_size: 44, location: { ...result!.location, postcode: 4510 } }],
  };
  await using server = new ScriptedServer(answer(body));
  const [user] = await produce(api(server.url));
  assert.equal(user!.value.post_code, "4510");
});

Deno.test("a rate limit is waited out as the server asks, in seconds or by date", async () => {
  await using server = new ScriptedServer(
    answer({ error: "ease up" }, { status: 429, headers: { "retry-after": "7" } }),
    answer("", { status: 503, headers: { "retry-after": new Date(now + 12_000).toUTCString() } }),
    answer("", { status: 503, headers: { "retry-after": new Date(now - 60_000).toUTCString() } }),
    answer("", { status: 503, headers: { "retry-after": "soon" } }),
    answer(await goodAnswer(2)),
  );
  const run = heldRun();
  assert.equal((await produce(api(server.url), run)).length, 2);
  assert.deepEqual(run.pauses, [7_000, 12_000, 0, 2_000]);
});

Deno.test("a server that asks for more patience than a run has fails it at once", async () => {
  await using server = new ScriptedServer(
    answer({ error: "come back tomorrow" }, { status: 429, headers: { "retry-after": "86400" } }),
  );
  const run = heldRun();
  const text = await failure(produce(api(server.url), run));
  assert.match(text, /tried again only after 86400 s: status 429: come back tomorrow/);
  assert.deepEqual(run.pauses, []);
});

Deno.test("pauses double from half a second, and randomness adds at most as much again", async () => {
  await using server = new ScriptedServer(answer("", { status: 500 }));
  const short = heldRun();
  await failure(produce(api(server.url, { attempts: 9 }), short));
  assert.deepEqual(short.pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  const long = heldRun();
  await failure(produce(api(server.url, { attempts: 3, random: () => 1 }), long));
  assert.deepEqual(long.pauses, [500, 1_000]);
});

Deno.test("what may pass is tried again, and the last cause is told when it does not", async (t) => {
  const cases = [
    ["status 500", answer("", { status: 500 }), /status 500$/],
    ["an error in the API's own shape", answer({ error: "Uh oh" }), /it answered with the error: Uh oh$/],
    ["not JSON", answer("<html>"), /its answer is not JSON: "<html>"$/],
    ["an empty body", answer(""), /its answer is not JSON: ""$/],
    ["no answer", hang, /no full answer within 20 ms$/],
    ["half an answer", stall, /no full answer within 20 ms$/],
  ] as const;
  for (const [name, bad, expected] of cases) {
    await t.step(name, async () => {
      await using server = new ScriptedServer(bad);
      const text = await failure(produce(api(server.url, { attempts: 3, timeout: 20 })));
      assert.match(text, /^GET http:\/\/127.0.0.1:\d+\/api\/ failed 3 times, last with: /);
      assert.match(text, expected);
      assert.equal(server.requests.length, 3);

      await using passing = new ScriptedServer(bad, answer(await goodAnswer(1)));
      assert.equal((await produce(api(passing.url, { timeout: 300, attempts: 20 }), heldRun())).length, 1);
    });
  }
});

Deno.test("a connection that breaks off inside the body is tried again", async () => {
  using server = new BreakingServer();
  await failure(produce(api(server.url, { attempts: 3 })));
  assert.equal(server.connections, 3);
});

Deno.test("a server that is not there is named with the root cause", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const text = await failure(produce(api(`http://127.0.0.1:${port}/api/?key=secret`, { attempts: 2 })));
  assert.match(text, /failed 2 times, last with: .*refused/i);
  assert.doesNotMatch(text, /secret/);
});

Deno.test("what another attempt would not change fails at once", async (t) => {
  const [result] = (await goodAnswer(1)).results;
  const without = { ...result, login: { ...result!.login, uuid: undefined } };
  const wrong = { ...result, name: { ...result!.name, first: 5 } };
  const cases = [
    ["not found", answer("nothing here", { status: 404 }), /failed: status 404$/],
    ["refused with a reason", answer({ error: "no such key" }, { status: 401 }), /status 401: no such key$/],
    ["another shape", answer([1, 2]), /not the shape of .*field results should be array, is missing/],
    [
      "a result without id",
      answer({ results: [result, without] }),
      /field results\.1\.login\.uuid .*is missing/,
    ],
    [
      "a field of another type",
      answer({ results: [wrong] }),
      /results\.0\.name\.first should be string, is 5/,
    ],
    ["null", answer("null"), /the value should be record, is null/],
  ] as const;
  for (const [name, bad, expected] of cases) {
    await t.step(name, async () => {
      await using server = new ScriptedServer(bad);
      const run = heldRun();
      assert.match(await failure(produce(api(server.url), run)), expected);
      assert.equal(server.requests.length, 1);
      assert.deepEqual(run.pauses, []);
    });
  }
});

Deno.test("it stops at once when the run is aborted, while it asks and while it waits", async (t) => {
  for (const [name, silent] of [["asking", hang], ["reading", stall]] as const) {
    await t.step(name, async () => {
      const stopping = new AbortController();
      const reason = new Error("stop");
      await using server = new ScriptedServer((request, closed) => {
        setTimeout(() => stopping.abort(reason));
        return silent(request, closed);
      });
      const run = heldRun({ signal: stopping.signal });
      await assert.rejects(produce(api(server.url, { timeout: "1h" }), run), (error) => error === reason);
      assert.equal(server.requests.length, 1);
    });
  }
  await t.step("waiting", async () => {
    const reason = new Error("stop");
    await using server = new ScriptedServer(answer("", { status: 500 }));
    const run = heldRun({ sleep: () => Promise.reject(reason) });
    await assert.rejects(produce(api(server.url), run), (error) => error === reason);
    assert.equal(server.requests.length, 1);
  });
});

Deno.test("options that cannot be right are refused when the pipeline is described", () => {
  assert.throws(() => randomUserApi({ url: "randomuser.me" }), /url "randomuser.me" must start with http/);
  assert.throws(() => randomUserApi({ url: "ftp://randomuser.me/" }), /must start with http/);
  assert.throws(() => randomUserApi({ count: 0 }), /count 0 must be a whole number from 1 to 5000/);
  assert.throws(() => randomUserApi({ count: 5_001 }), /count 5001/);
  assert.throws(() => randomUserApi({ attempts: 1.5 }), /attempts 1.5/);
  assert.throws(() => randomUserApi({ timeout: "0s" }), /"0s" is not a duration/);
});
