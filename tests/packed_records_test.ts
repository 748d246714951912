import assert from "node:assert/strict";
import { countBefore, PackedReader, packRecords, slicePacked } from "../src/packed_records.ts";

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
      headers: [{ key: "ä", value: null }, { key: "\ufeffb", value: null }],
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

Deno.test("a value is given as text only when it is all ASCII, wherever it lies", () => {
  const utf8 = new TextEncoder();
  const values = [
    "",
    "a",
    "ab",
    "é",
    "abc",
    "x".repeat(70_000),
    "y".repeat(60_000),
    "naïve",
    "z".repeat(9_000),
    "\u007f",
  ];
  for (let keyLength = 0; keyLength < 6; keyLength++) {
    const records = values.map((value) => ({
      key: new Uint8Array(keyLength).fill(0x6b),
      value: utf8.encode(value),
      headers: [],
    }));
    const reader = new PackedReader(packRecords([...records, { key: null, value: null, headers: [] }]));
    for (let round = 0; round < 2; round++) {
      values.forEach((value, i) => {
        assert.equal(reader.ascii(i), /^[\0-\x7f]{0,65536}$/.test(value) ? value : undefined);
      });
      assert.equal(reader.ascii(values.length), undefined);
    }
  }
});

Deno.test("a key that is no text does not keep its record's value from being text", () => {
  const value = new TextEncoder().encode(JSON.stringify({ long: "enough" }));
  const key = new Uint8Array([0xff, 0xfe, 0xfd, 0xfc]);
  const reader = new PackedReader(packRecords([{ key, value, headers: [] }]));
  assert.equal(reader.ascii(0), '{"long":"enough"}');
});

Deno.test("a part of packed records is what packing the part gives", () => {
  const records = Array.from({ length: 7 }, (_, i) => ({
    offset: i * 2,
    timestamp: i,
    key: i % 2 === 0 ? bytes(`key ${i}`) : null,
    value: i === 3 ? null : bytes("v".repeat(i * 10)),
    headers: i % 3 === 0 ? [{ key: "h", value: bytes(`${i}`) }] : [],
  }));
  const packed = packRecords(records);
  for (let start = 0; start <= records.length; start++) {
    for (let end = start; end <= records.length; end++) {
      assert.deepEqual(slicePacked(packed, start, end), packRecords(records.slice(start, end)));
    }
  }
  assert.deepEqual([-1, 0, 1, 12, 13].map((offset) => countBefore(packed, offset)), [0, 0, 1, 6, 7]);
});
