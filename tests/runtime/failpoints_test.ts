import assert from "node:assert/strict";
import { failpoints, parseFailpoint, withFailpoint } from "../../src/runtime/failpoints.ts";
import type { Services } from "../../src/runtime/stores.ts";

/** Services whose calls are noted when they are made. */
function recorded(): { services: Services; seen: string[] } {
  const seen: string[] = [];
  const port = (...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, () => Promise.resolve(seen.push(name))]));
  const log = { kind: "kafka", ...port("produce", "describe"), consumer: () => port("commit") };
  const warehouse = {
    ...port("claim", "positions"),
    outbox: port("read", "delivered", "waiting"),
    resets: port("make"),
    watermarks: port("close", "read"),
  };
  const services = { log, tables: port("write"), warehouse };
  return { services: services as unknown as Services, seen };
}

Deno.test("a failpoint names a point, a number and an action", () => {
  assert.deepEqual(parseFailpoint("warehouse.commit.before:3:kill"), {
    point: "warehouse.commit.before",
    nth: 3,
    action: "kill",
  });
  assert.deepEqual(parseFailpoint("log.produce.after:1:delay=20").action, { delay: 20 });
  for (const point of failpoints) assert.equal(parseFailpoint(`${point}:1:kill`).point, point);
  assert.ok(failpoints.includes("tables.write.after"));
  const wrong = ["", "kill", "nowhere.before:1:kill", "log.produce.after:0:kill", "log.produce.after:1:hang"];
  for (const text of wrong) {
    assert.throws(() => parseFailpoint(text), /give it as warehouse.commit.before:3:kill/);
  }
});

Deno.test("a failpoint acts once, at its place among the calls", async () => {
  const { services, seen } = recorded();
  const failpoint = parseFailpoint("tables.write.before:2:kill");
  const { tables, log } = withFailpoint(services, failpoint, (name) => seen.push(name));
  for (let i = 0; i < 3; i++) await tables.write({} as never, {} as never);
  await log.describe();
  assert.deepEqual(seen, ["write", "SIGKILL", "write", "write", "describe"]);
});

Deno.test("a failpoint after a call acts when the call has succeeded, and its answer is kept", async () => {
  const { services, seen } = recorded();
  const failpoint = parseFailpoint("consumer.commit.after:1:stop");
  const consumer = withFailpoint(services, failpoint, (name) => seen.push(name)).log.consumer("t", "g");
  assert.equal(await (consumer.commit(new Map()) as Promise<unknown>), 1);
  assert.deepEqual(seen, ["commit", "SIGSTOP"]);
});

Deno.test("a failpoint may be at a call of the outbox or of the watermarks", async () => {
  for (
    const [part, call, other] of [["outbox", "delivered", "read"], ["watermarks", "close", "read"]] as const
  ) {
    const { services, seen } = recorded();
    const failpoint = parseFailpoint(`${part}.${call}.before:1:kill`);
    const { warehouse } = withFailpoint(services, failpoint, (name) => seen.push(name));
    const calls = warehouse[part] as unknown as Record<string, () => Promise<unknown>>;
    await warehouse.positions({ group: "g", topic: "t" });
    await calls[other]!();
    await calls[call]!();
    assert.deepEqual(seen, ["positions", other, "SIGKILL", call]);
  }
});
