import assert from "node:assert/strict";
import { RecordTooLarge } from "../../src/log/mod.ts";
import type { ProducedRecord } from "../../src/record.ts";
import { refusal } from "../../src/runtime/refused_result.ts";

/** Dead letters of a topic that takes 100 bytes. */
function letters() {
  const taken: ProducedRecord[] = [];
  const produce = (topic: string, records: readonly ProducedRecord[]): Promise<void> => {
    const large = records.find(({ value }) => value !== null && value.length > 100);
    if (large) return Promise.reject(RecordTooLarge.forTopic(topic, large.value!.length, large, undefined));
    taken.push(...records);
    return Promise.resolve();
  };
  return { taken, refuse: refusal({ produce }, "dead", "stream", "t") };
}

const text = (bytes: Uint8Array | null | undefined) => bytes ? new TextDecoder().decode(bytes) : bytes;

const headersOf = ({ headers }: ProducedRecord) => headers.map(({ key, value }) => [key, text(value)]);

Deno.test("a result that its sink refuses becomes a dead letter as JSON", async () => {
  const { taken, refuse } = letters();
  await refuse(7, { key: "a", n: 3n }, new Error("bad"));
  assert.deepEqual(taken.map(({ key, value }) => [text(key), text(value)]), [
    ["stream-7", '{"key":"a","n":"3"}'],
  ]);
  assert.deepEqual(headersOf(taken[0]!), [["weir.stage", "write t"], ["weir.error", "bad"]]);
});

Deno.test("a result that is a record goes to the dead letters with its value, and without one too large", async () => {
  const { taken, refuse } = letters();
  await refuse(1, { key: null, value: new Uint8Array(100) }, new Error("too large"));
  await refuse(2, { key: null, value: new Uint8Array(101) }, new Error("too large"));
  assert.deepEqual(taken.map(({ key, value }) => [text(key), value?.length]), [
    ["stream-1", 100],
    ["stream-2", undefined],
  ]);
  assert.deepEqual(headersOf(taken[1]!).at(-1), ["weir.value-bytes-left-out", "101"]);
});

Deno.test("a refused result waits for dead letters that are down", async () => {
  const refuse = refusal({ produce: () => Promise.reject(new Error("down")) }, "dead", "stream", "t");
  await assert.rejects(refuse(1, {}, new Error("bad")), /down/);
});
