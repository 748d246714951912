import assert from "node:assert/strict";
import { testPipeline } from "../../src/mod.ts";
import wordCount, { wordsOf } from "../../src/pipelines/word_count.ts";

const noon = Date.parse("2026-01-31T12:00:00Z");

Deno.test("word_count: words are counted so far, and in each minute", async () => {
  const test = await testPipeline(wordCount, { now: noon });
  await test.send({ value: "To be, or not to be" });
  await test.advance("1m");
  await test.send({ value: "TO THE POINT" }, { value: "" });
  await test.restart();
  await test.send({ value: "the end" });
  assert.deepEqual(test.rows("word_count"), [
    { value: "be", count: 2n },
    { value: "end", count: 1n },
    { value: "not", count: 1n },
    { value: "or", count: 1n },
    { value: "point", count: 1n },
    { value: "the", count: 2n },
    { value: "to", count: 3n },
  ]);
  assert.deepEqual(
    test.rows("words_per_minute").filter(({ value }) => value === "to"),
    [0, 1].map((minute) => ({
      window_start: new Date(noon + minute * 60_000),
      window_end: new Date(noon + (minute + 1) * 60_000),
      value: "to",
      count: BigInt(2 - minute),
    })),
  );
  assert.deepEqual(test.counts, { in: 4, out: 3, filtered: 1, deadLettered: 0, late: 0, ahead: 0 });
});

Deno.test("word_count: a run's lines have words in common, and its time decides what they are", async () => {
  const counts = await Promise.all([noon, noon, noon + 60_000].map(async (now) => {
    const test = await testPipeline(wordCount, { now });
    assert.equal(await test.produce(), 20);
    return test.rows("word_count");
  }));
  assert.deepEqual(counts[0], counts[1]);
  assert.notDeepEqual(counts[0], counts[2]);
  assert.ok(counts[0]!.some(({ count }) => Number(count) > 5));
});

Deno.test("word_count: words are letters and digits of any script, in lower case", () => {
  assert.deepEqual(wordsOf("Don't  panic: 42 ÜBER-cool 漢字 --"), [
    "don't",
    "panic",
    "42",
    "über-cool",
    "漢字",
  ]);
  assert.deepEqual(wordsOf(" .,- "), []);
});
