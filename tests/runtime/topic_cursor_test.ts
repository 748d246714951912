import assert from "node:assert/strict";
import { kafka, map, mapWithState, pipeline, text, topic } from "../../src/mod.ts";
import { isPassing } from "../../src/runtime/passing.ts";
import { isPublished } from "../../src/runtime/topic_cursor.ts";

const source = kafka("words", { group: "g", codec: text() });
const copies = topic("copies", { key: (word: string) => word, codec: text() });
const counts = topic("counts", { key: (word: string) => word, codec: text() });

Deno.test("a topic is published by a cursor of its own where records stand for themselves", () => {
  const plan = pipeline("words", {
    source,
    outputs: (words) => [words.pipe(map((word) => word)).to(copies)],
  });
  assert.ok(isPublished(plan, 0));
  assert.ok(!isPassing(plan, plan.outputs[0]!));
});

Deno.test("with states in the pipeline all topics pass through the outbox, those that need none, too", () => {
  const counted = mapWithState({
    by: (word: string) => word,
    initial: () => 0,
    update: (count, word) => {
      if (word === "bad") throw new Error("a dead letter that a replay, in another state, might not be");
      return { state: count + 1, emit: [`${word} ${count + 1}`] };
    },
  });
  const plan = pipeline("words", {
    source,
    outputs: (words) => [words.to(copies), words.pipe(counted).to(counts)],
  });
  for (const [i, output] of plan.outputs.entries()) {
    assert.ok(!isPublished(plan, i));
    assert.ok(isPassing(plan, output));
  }
});
