import assert from "node:assert/strict";
import { readVarint, varintLength, writeVarint } from "../src/varint.ts";

Deno.test("varints are those of Kafka", () => {
  const known: [number, string][] = [
    [0, "00"],
    [-1, "01"],
    [1, "02"],
    [63, "7e"],
    [64, "8001"],
    [-65, "8101"],
    [2 ** 31 - 1, "feffffff0f"],
    [-(2 ** 31), "ffffffff0f"],
    [2 ** 33, "8080808040"],
    [-100_000_000_000, "ff9fb787e905"],
  ];
  for (const [value, hex] of known) {
    const bytes = new Uint8Array(10);
    const end = writeVarint(bytes, 1, value);
    assert.equal(bytes.subarray(1, end).toHex(), hex);
    assert.equal(varintLength(value), end - 1);
    const cursor = { at: 1 };
    assert.equal(readVarint(bytes, cursor), value);
    assert.equal(cursor.at, end);
  }
});
