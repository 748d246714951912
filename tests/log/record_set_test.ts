/** Record sets as another library writes them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compressionsAlgorithmsByBitmask, createRecordsBatch } from "@platformatic/kafka";
import { decompressBy } from "../../src/log/compression.ts";
import { loadDecompress } from "../../src/log/kafka_compression.ts";
import { type AbortedTransaction, readRecordSet, surveyRecordSet } from "../../src/log/record_set.ts";
import type { SourceRecord } from "../../src/record.ts";
import { Seeded } from "../support/seeded.ts";
import { unpacked } from "../support/unpacked.ts";

const decompress = decompressBy(compressionsAlgorithmsByBitmask);
const utf8 = new TextEncoder();

interface BatchOptions {
  readonly first: number;
  readonly records: readonly Omit<SourceRecord, "offset">[];
  readonly compression?: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly producerId?: bigint;
  /** Bits to set in the attributes. */
  readonly attributes?: number;
}

const logAppendTime = 1 << 3;
const transactional = 1 << 4;
const control = 1 << 5;

function batch(
  { first, records, compression = "none", producerId = -1n, attributes = 0 }: BatchOptions,
): Buffer {
  const bytes = createRecordsBatch(
    records.map(({ key, value, headers, timestamp }) => ({
      topic: "t",
      key: key && Buffer.from(key),
      value: value && Buffer.from(value),
      timestamp: BigInt(timestamp),
      headers: new Map(headers.map((each) => [Buffer.from(each.key), each.value && Buffer.from(each.value)])),
    })) as never,
    { compression, producerId },
  ).buffer;
  bytes.writeBigInt64BE(BigInt(first), 0);
  bytes.writeInt16BE(bytes.readInt16BE(21) | attributes, 21);
  return bytes;
}

function plain(value: string, timestamp = 1_700_000_000_000): Omit<SourceRecord, "offset"> {
  return { timestamp, key: utf8.encode("k"), value: utf8.encode(value), headers: [] };
}

function marker(first: number, producerId: bigint, type: number): Buffer {
  const record = { ...plain(""), key: new Uint8Array([0, 0, 0, type]) };
  return batch({ first, records: [record], producerId, attributes: transactional | control });
}

function read(parts: readonly Uint8Array[], from = 0, aborted: readonly AbortedTransaction[] = []) {
  const { next, records } = readRecordSet({ bytes: Buffer.concat(parts), aborted }, from, decompress);
  return { next, records: unpacked(records) };
}

function values(
  parts: readonly Uint8Array[],
  from?: number,
  aborted?: readonly AbortedTransaction[],
): string[] {
  return read(parts, from, aborted).records.map(({ value }) => new TextDecoder().decode(value!));
}

/** Not further apart than 2^31 ms, which the library that writes them gets wrong. */
const odd: readonly Omit<SourceRecord, "offset">[] = [
  { timestamp: 1_700_000_000_000, key: utf8.encode("k"), value: utf8.encode("v".repeat(300)), headers: [] },
  { timestamp: 1_700_000_000_005, key: null, value: utf8.encode("ä"), headers: [{ key: "h", value: null }] },
  {
    timestamp: 1_699_000_000_000,
    key: utf8.encode(""),
    value: null,
    headers: [{ key: "é", value: utf8.encode("1") }],
  },
  { timestamp: 1_702_000_000_000, key: null, value: utf8.encode(""), headers: [] },
];

Deno.test("records come out as they were written, over batches and whatever compressed them", async () => {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    const parts = [
      batch({ first: 5, records: odd, compression }),
      batch({ first: 20, records: odd, compression }),
    ];
    const expected = [5, 20].flatMap((first) => odd.map((record, i) => ({ offset: first + i, ...record })));
    assert.deepEqual(read(parts), { next: 24, records: expected }, compression);
    const { codecs } = surveyRecordSet(Buffer.concat(parts))!;
    const set = { bytes: Buffer.concat(parts), aborted: [] };
    const { records } = readRecordSet(set, 0, await loadDecompress(codecs));
    assert.deepEqual(unpacked(records), expected, `${compression} for kafkajs`);
  }
});

Deno.test("what comes before the offset that was asked for is left out", () => {
  const parts = [batch({ first: 0, records: odd }), batch({ first: 4, records: odd, compression: "gzip" })];
  for (let from = 0; from <= 8; from++) {
    const { next, records } = read(parts, from);
    assert.deepEqual(records.map(({ offset }) => offset), [0, 1, 2, 3, 4, 5, 6, 7].slice(from));
    assert.equal(next, 8);
  }
});

Deno.test("a batch that was cut off is left for the next fetch", () => {
  const [first, second] = [batch({ first: 0, records: odd }), batch({ first: 4, records: odd })];
  for (let length = 0; length < second.length; length++) {
    assert.equal(read([first, second.subarray(0, length)]).next, 4);
  }
  assert.equal(surveyRecordSet(first.subarray(0, first.length - 1)), undefined);
  assert.deepEqual(surveyRecordSet(Buffer.concat([first, second.subarray(0, 70)]))?.next, 4);
});

Deno.test("the broker's time of appending goes before the records' own", () => {
  const bytes = batch({ first: 0, records: odd, attributes: logAppendTime });
  assert.deepEqual(read([bytes]).records.map(({ timestamp }) => timestamp), Array(4).fill(1_702_000_000_000));
});

Deno.test("compaction leaves gaps and batches without records, and the position passes both", () => {
  const empty = batch({ first: 4, records: odd }).subarray(0, 61);
  empty.writeInt32BE(49, 8);
  empty.writeInt32BE(0, 57);
  assert.deepEqual(read([batch({ first: 0, records: odd.slice(0, 1) }), empty]).next, 8);
  assert.deepEqual(read([empty], 6), { next: 8, records: [] });
});

Deno.test("aborted records and markers are left out, in whatever order transactions ended", () => {
  const records = [plain("aborted")];
  const kept = [plain("kept")];
  const parts = [
    batch({ first: 0, records, producerId: 1n, attributes: transactional }),
    batch({ first: 1, records, producerId: 2n, attributes: transactional }),
    batch({ first: 2, records: kept, producerId: 3n, attributes: transactional }),
    batch({ first: 3, records: kept }),
    marker(4, 2n, 0),
    batch({ first: 5, records: kept, producerId: 2n, attributes: transactional }),
    marker(6, 1n, 0),
    batch({ first: 7, records, producerId: 1n, attributes: transactional }),
    marker(8, 3n, 1),
    marker(9, 1n, 0),
    batch({ first: 10, records: kept, producerId: 1n, attributes: transactional }),
  ];
  // In the order of their ends, as brokers have them.
  const aborted = [[2, 1], [1, 0], [1, 7]].map(([id, firstOffset]) => ({
    producerId: BigInt(id!),
    firstOffset: firstOffset!,
  }));
  assert.deepEqual(values(parts, 0, aborted), Array(4).fill("kept"));
  assert.equal(read(parts, 0, aborted).next, 11);
  assert.deepEqual(read([marker(4, 2n, 0)], 4, []), { next: 5, records: [] });
});

Deno.test("a marker that compaction has removed from its batch ends no transaction", () => {
  const empty = marker(1, 1n, 0).subarray(0, 61);
  empty.writeInt32BE(49, 8);
  empty.writeInt32BE(0, 57);
  // What follows would read as a marker.
  const first = 0x0800_0100;
  const parts = [
    batch({ first: 0, records: [plain("aborted")], producerId: 1n, attributes: transactional }),
    empty,
    batch({ first, records: [plain("aborted")], producerId: 1n, attributes: transactional }),
    marker(first + 1, 1n, 0),
  ];
  assert.deepEqual(values(parts, 0, [{ producerId: 1n, firstOffset: 0 }]), []);
});

Deno.test("records of before Kafka 0.11 are refused by name, also one that is shorter than any of today", () => {
  const bytes = batch({ first: 0, records: odd });
  bytes[16] = 1;
  for (const old of [bytes, bytes.subarray(0, 34)]) {
    assert.throws(() => read([old]), /^Error: records in the format 1 of Kafka before 0\.11 cannot be read$/);
  }
});

Deno.test("damaged bytes give records or an error, and neither hang nor reach beyond the set", () => {
  const random = new Seeded(20_261_121);
  for (let round = 0; round < 3_000; round++) {
    const bytes = Buffer.concat([batch({ first: 0, records: odd }), batch({ first: 4, records: odd })]);
    for (let flips = random.integer(1, 4); flips > 0; flips--) {
      bytes[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7);
    }
    try {
      for (const { value } of read([bytes]).records) assert.ok((value?.length ?? 0) <= bytes.length);
    } catch (error) {
      assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error));
    }
  }
});
