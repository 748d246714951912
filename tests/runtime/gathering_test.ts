import assert from "node:assert/strict";
import { Gathering } from "../../src/runtime/gathering.ts";
import { Seeded } from "../support/seeded.ts";
import { HeldTime } from "../simulation/held_time.ts";

const interval = 5;

/** A gathering whose timers are held, with a clock of its own. */
function fixture() {
  const time = new HeldTime();
  const held = time.hold(new Seeded(1));
  const clock = { now: 1_000_000 };
  let done = 0;
  const gathering = new Gathering(interval, () => clock.now, () => done++);
  return {
    gathering,
    clock,
    /** How often it was done after so many milliseconds, by the timers. */
    async after(milliseconds: number): Promise<number> {
      await time.run(time.now + milliseconds, () => false);
      return done;
    },
    [Symbol.dispose]: () => held[Symbol.dispose](),
  };
}

Deno.test("the first record waits for nothing, those after it for the rest of the interval", async () => {
  using run = fixture();
  assert.equal(run.gathering.over(1), true);
  run.clock.now += 2;
  assert.equal(run.gathering.over(1), false);
  assert.equal(run.gathering.over(2), false);
  assert.equal(await run.after(2), 0);
  assert.equal(await run.after(1), 1, "one call for all that came meanwhile");
  run.clock.now += interval;
  assert.equal(run.gathering.over(1), true);
});

Deno.test("many records wait for nothing", () => {
  using run = fixture();
  assert.equal(run.gathering.over(1), true);
  assert.equal(run.gathering.over(499), false);
  assert.equal(run.gathering.over(500), true);
  run.gathering.stop();
});

Deno.test("where nothing waits, nothing is to come", async () => {
  using run = fixture();
  assert.equal(run.gathering.over(0), false);
  assert.equal(await run.after(1_000), 0);
});

Deno.test("a clock that is set back holds nothing up", async () => {
  using run = fixture();
  assert.equal(run.gathering.over(1), true);
  run.clock.now -= 3_600_000;
  assert.equal(run.gathering.over(1), false);
  assert.equal(await run.after(interval), 1);
});

Deno.test("when it is stopped, nothing more comes", async () => {
  using run = fixture();
  run.gathering.over(1);
  run.gathering.over(1);
  run.gathering.stop();
  assert.equal(await run.after(1_000), 0);
});
