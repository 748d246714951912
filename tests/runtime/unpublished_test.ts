import assert from "node:assert/strict";
import { refusal, type Step, unpublished } from "../../src/runtime/unpublished.ts";

const step: Step = { partition: 0, position: 30, target: 50, earliest: 0, isAnotherTopic: false };
const cursors = new Map([["out", new Map([[0, 10]])], ["even", new Map([[0, 30]])]]);
const lacks = (from: number, to: number, gone: boolean) => ({ topic: "out", partition: 0, from, to, gone });

Deno.test("topics lack what is between their cursors and the position, when it is gone on from later", () => {
  assert.deepEqual(unpublished(cursors, [step]), [lacks(10, 30, false)]);
  assert.deepEqual(unpublished(cursors, [{ ...step, earliest: 20 }]), [
    lacks(10, 20, true),
    lacks(20, 30, false),
  ]);
  assert.deepEqual(unpublished(cursors, [{ ...step, earliest: 40 }]), [lacks(10, 30, true)]);
});

Deno.test("topics get what they lack of what is read again, and what is not", () => {
  for (const target of [0, 10, 20, 30]) assert.deepEqual(unpublished(cursors, [{ ...step, target }]), []);
});

Deno.test("what topics lack of a topic that is not there any more is gone, wherever they go on", () => {
  for (const target of [0, 20, 50]) {
    assert.deepEqual(unpublished(cursors, [{ ...step, target, isAnotherTopic: true }]), [
      lacks(10, 30, true),
    ]);
  }
});

Deno.test("a topic without a cursor begins at the position", () => {
  assert.deepEqual(unpublished(new Map([["out", new Map()]]), [step]), []);
});

Deno.test("the refusal says how much and what first", () => {
  assert.match(
    refusal("job", [lacks(10, 30, false), { ...lacks(5, 6, false), partition: 1 }]),
    /^Cannot set job to a later position: what 21 offsets gave .* 10 to 29 of partition 0, for out; .*--skip-unpublished/,
  );
});
