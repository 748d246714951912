import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { murmur2, partitionOf } from "../../src/log/murmur2.ts";

const text = new TextEncoder();

Deno.test("murmur2 gives the hashes of Kafka's own tests", () => {
  // From org.apache.kafka.common.utils.UtilsTest.
  const expected = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
  };
  for (const [key, hash] of Object.entries(expected)) assert.equal(murmur2(text.encode(key)), hash, key);
});

Deno.test("murmur2 agrees with kafkajs for every length and for bytes above 127", async () => {
  const { default: reference } = await import("kafkajs/src/producer/partitioners/default/murmur2.js");
  for (let length = 0; length < 40; length++) {
    const key = Uint8Array.from({ length }, (_, i) => (i * 89 + length * 151) & 0xff);
    assert.equal(murmur2(key), reference(Buffer.from(key)), `length ${length}`);
  }
});

Deno.test("partitionOf makes the hash positive by dropping its sign bit", () => {
  assert.equal(partitionOf(text.encode("21"), 7), (-973932308 & 0x7fffffff) % 7);
  assert.equal(partitionOf(text.encode("abc"), 7), 479470107 % 7);
});
