import assert from "node:assert/strict";
import { type CpuTimes, parseCpuTimes, quiet } from "../../bench/machine_load.ts";

/** A machine of which so many percent are busy in one second after the other. */
function machine(...percents: number[]) {
  const times: CpuTimes = { all: 1_000, idle: 500 };
  let [all, idle, seconds] = [times.all, times.idle, 0];
  return {
    times: () => ({ all, idle }),
    pause(ms: number) {
      const percent = percents[seconds++]!;
      all += ms;
      idle += ms * (1 - percent / 100);
      return Promise.resolve();
    },
    get seconds() {
      return seconds;
    },
  };
}

Deno.test("a quiet machine is waited for one second", async () => {
  const idle = machine(3);
  const { busyPercent, loadAverage } = await quiet(60_000, idle);
  assert.equal(Math.round(busyPercent), 3);
  assert.ok(loadAverage >= 0);
  assert.equal(idle.seconds, 1);
});

Deno.test("a busy machine is waited for until it is quiet", async () => {
  const busy = machine(95, 40, 12, 8, 100);
  assert.equal(Math.round((await quiet(60_000, busy)).busyPercent), 8);
  assert.equal(busy.seconds, 4);
});

Deno.test("a machine that stays busy is measured after all, and the load tells", async () => {
  const busy = machine(95, 96, 97, 98, 99);
  assert.equal(Math.round((await quiet(3_000, busy)).busyPercent), 97);
  assert.equal(busy.seconds, 3);
});

Deno.test("idle and waiting for disks is not busy, stolen time is", () => {
  const stat = "cpu  10 20 30 400 50 6 7 8 999 999\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
  assert.deepEqual(parseCpuTimes(stat), { all: 531, idle: 450 });
});
