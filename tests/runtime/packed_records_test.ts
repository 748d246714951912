import assert from "node:assert/strict";
import { PackedReader, packRecords } from "../../src/runtime/packed_records.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("records come out as they went in", () => {
  const records = [
    { offset: 7, timestamp: 1_700_000_000_000, key: bytes("k"), value: bytes("value"), headers: [] },
    { offset: 9, timestamp: -1, key: null, value: null, headers: [] },
    {
      offset: 2 ** 53 - 1,
      timestamp: 0,
      key: bytes(""),
      value: bytes(""),
      headers: [{ key: "ä", value: null }],
    },
    {
      offset: 10,
      timestamp: 5,
      key: null,
      value: bytes("x".repeat(100_000)),
      headers: [{ key: "a", value: bytes("1") }, { key: "a", value: bytes("") }],
    },
  ];
  const packed = packRecords(records);
  const reader = new PackedReader(structuredClone(packed, { transfer: [packed.buffer] }));
  assert.equal(reader.count, records.length);
  records.forEach((record, i) => {
    assert.deepEqual(
      {
        offset: reader.offset(i),
        timestamp: reader.timestamp(i),
        key: reader.key(i),
        value: reader.value(i),
        headers: reader.headers(i),
      },
      record,
    );
  });
});

Deno.test("a record without a timestamp is produced without one", () => {
  const reader = new PackedReader(packRecords([{ key: null, value: bytes("v"), headers: [] }]));
  assert.deepEqual(reader.produced(), [{ key: null, value: bytes("v"), headers: [] }]);
});

Deno.test("no records pack to an empty buffer", () => {
  const packed = packRecords([]);
  assert.equal(packed.buffer.byteLength, 0);
  assert.deepEqual(new PackedReader(packed).produced(), []);
});
