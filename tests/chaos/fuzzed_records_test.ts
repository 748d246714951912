import assert from "node:assert/strict";
import { extent, seeded } from "../support/chaos/extent.ts";
import { haveServers, Job } from "../support/chaos/job.ts";
import type { Sent } from "../support/chaos/orders.ts";
import type { Seeded } from "../support/seeded.ts";

const count = extent({ short: 1_000, full: 10_000 });
const scenario = `${count} fuzzed records among good ones are accounted for, and stop nothing`;

Deno.test({ name: scenario, ignore: !haveServers }, async () => {
  const random = seeded(scenario);
  await using job = await Job.open({ random });
  await using weir = job.start();
  job.positions.start();
  let sent = 0;
  for (let left = count; left > 0; left -= 500) {
    const good = job.orders(250);
    const fuzzed = Array.from({ length: Math.min(500, left) }, () => damaged(random.pick(good), random));
    const all = [...good, ...fuzzed].map((record) => ({ record, at: random.fraction() }))
      .sort((a, b) => a.at - b.at).map(({ record }) => record);
    await job.produce(all);
    sent += all.length;
  }
  await job.caughtUp();
  const { good, filtered, dead } = await job.check();
  console.log(JSON.stringify({ good, filtered, dead }));
  assert.equal(good + filtered + dead, sent);
  assert.ok(dead > count / 2 && good > count / 4, `${dead} dead, ${good} good`);
  assert.equal(await weir.stop(), 0);
});

/** Bytes of any kind, or a good record with some of its bytes changed, left out, doubled or cut off. */
function damaged({ key, value }: Sent, random: Seeded): Sent {
  const bytes = value!.slice();
  const at = random.integer(0, bytes.length - 1);
  switch (random.integer(0, 6)) {
    case 0:
      return { key: null, value: random.bytes(random.integer(0, 200)) };
    case 1:
      return { key, value: null };
    case 2:
      return { key, value: bytes.subarray(0, at) };
    case 3:
      return { key, value: new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at >> 1)]) };
    case 4:
      return { key, value: new TextEncoder().encode(JSON.stringify(random.pick<unknown>(strange))) };
    default:
      // Beyond the end of what is JSON's own, so that no other good record comes of it.
      bytes[random.integer(0, 8)] = random.integer(0, 255);
      return { key, value: bytes };
  }
}

const strange = [
  null,
  [],
  0,
  "text",
  { id: 1 },
  { id: "a", customer: null, shop: "b", amount: 1, note: "" },
  { id: "a", customer: "b", shop: "c", amount: "1", note: "" },
  { id: "a", customer: "b", shop: "c", note: "" },
  { id: { deep: [[[[]]]] }, customer: "b", shop: "c", amount: 1, note: "" },
];
