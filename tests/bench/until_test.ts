import assert from "node:assert/strict";
import { Hopeless, until } from "../../bench/until.ts";

Deno.test("until asks again after a no and after an error", async () => {
  const answers = [() => false, () => assert.fail("not yet"), () => true];
  await until("it holds", () => answers.shift()!(), 1);
  assert.deepEqual(answers, []);
});

Deno.test("until ends at once when there is no hope", async () => {
  const gone = new Hopeless("it has ended");
  let asked = 0;
  await assert.rejects(
    until("it holds", () => {
      asked++;
      throw gone;
    }, 1),
    gone,
  );
  assert.equal(asked, 1);
});
