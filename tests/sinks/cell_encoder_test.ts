import assert from "node:assert/strict";
import { type Columns, columnSpecs, type ColumnType } from "../../src/columns.ts";
import { decodeCell, type SqlValue } from "../../src/sinks/cell_decoder.ts";
import { CellEncoder } from "../../src/sinks/cell_encoder.ts";
import { type CellRows, ValueReader } from "../../src/sinks/cells.ts";
import { Seeded } from "../support/seeded.ts";

/** The value of one cell of a type, as hex. */
function encoded(type: ColumnType, value: unknown): string {
  const encoder = new CellEncoder(columnSpecs({ cell: type }), []);
  encoder.add({ cell: value }, 0);
  return new ValueReader(encoder.finish().bytes).next()!.toHex();
}

function refusal(columns: Columns, key: readonly string[], row: Record<string, unknown>): string {
  const encoder = new CellEncoder(columnSpecs(columns), key);
  try {
    encoder.add(row, 0);
  } catch (error) {
    assert.deepEqual(encoder.finish(), new CellEncoder([], []).finish(), "nothing is left behind");
    return (error as Error).message;
  }
  assert.fail(`${Deno.inspect(row)} was taken`);
}

Deno.test("values are encoded as the CQL protocol says", () => {
  assert.equal(encoded("text", "é€😀"), "c3a9e282acf09f9880");
  assert.equal(encoded("text", ""), "");
  assert.equal(encoded("text", "a\ud800b"), "61efbfbd62", "a lone surrogate is no character");
  assert.equal(encoded("json", { a: [1, null] }), new TextEncoder().encode('{"a":[1,null]}').toHex());
  assert.equal(encoded("json", null), "6e756c6c");
  assert.equal(encoded("uuid", "00112233-4455-6677-8899-AaBbCcDdEeFf"), "00112233445566778899aabbccddeeff");
  assert.equal(encoded("int", -2), "fffffffe");
  assert.equal(encoded("int", -(2 ** 31)), "80000000");
  assert.equal(encoded("bigint", -1), "ffffffffffffffff");
  assert.equal(encoded("bigint", Number.MAX_SAFE_INTEGER), "001fffffffffffff");
  assert.equal(encoded("bigint", Number.MIN_SAFE_INTEGER), "ffe0000000000001");
  assert.equal(encoded("bigint", -(2n ** 63n)), "8000000000000000");
  assert.equal(encoded("double", -0.5), "bfe0000000000000");
  assert.equal(encoded("boolean", true), "01");
  assert.equal(encoded("timestamp", new Date(-1)), "ffffffffffffffff");
  assert.equal(encoded("timestamp", 1_700_000_000_000.9), "0000018bcfe56800");
  assert.equal(encoded("date", "1970-01-01"), "80000000");
  assert.equal(encoded("date", "1969-12-31"), "7fffffff");
  assert.equal(encoded("date", "2024-02-29"), "80004d46");
  assert.equal(encoded("bytes", Uint8Array.of(0, 255)), "00ff");
});

Deno.test("a row is laid out as the parameters of an INSERT", () => {
  const encoder = new CellEncoder(columnSpecs({ id: "text", gone: "int?", yes: "boolean" }), ["id"]);
  encoder.add({ id: "ab", yes: true }, 258);
  encoder.add({ id: "c", gone: 1, yes: false }, -1);
  const { count, bytes } = encoder.finish();
  assert.equal(count, 2);
  assert.equal(
    bytes.toHex(),
    "000000026162" + "fffffffe" + "0000000101" + "000000080000000000000102" +
      "0000000163" + "0000000400000001" + "0000000100" + "00000008ffffffffffffffff",
  );
});

Deno.test("a value that does not fit its column is refused by name, type and value", () => {
  const wrong: readonly [Columns[string], unknown, string][] = [
    ["text", 5, "text, is 5"],
    ["uuid", "x", 'uuid, is "x"'],
    [
      "uuid",
      "00112233-4455-6677-8899-aabbccddeefg",
      'uuid, is "00112233-4455-6677-8899-aabbccddeefg"',
    ],
    [
      "uuid",
      "001122334-455-6677-8899-aabbccddeeff",
      'uuid, is "001122334-455-6677-8899-aabbccddeeff"',
    ],
    ["int", 1.5, "int, is 1.5"],
    ["int", 2 ** 31, "int, is 2147483648"],
    ["int", 1n, "int, is 1n"],
    ["bigint", 2 ** 53, "bigint, is 9007199254740992"],
    ["bigint", 2n ** 63n, "bigint, is 9223372036854775808n"],
    ["double", "1", 'double, is "1"'],
    ["boolean", 1, "boolean, is 1"],
    ["timestamp", "x", 'timestamp, is "x"'],
    ["timestamp", NaN, "timestamp, is NaN"],
    ["timestamp", new Date(NaN), "timestamp, is Invalid Date"],
    ["date", "2023-02-29", 'date (YYYY-MM-DD), is "2023-02-29"'],
    ["date", "2023-1-1", 'date (YYYY-MM-DD), is "2023-1-1"'],
    ["json", 1n, "json, is 1n"],
    ["json", () => 1, "json, is function"],
    ["json", Promise.resolve(1), "json, is a Promise"],
    ["bytes", [1], "bytes, is [1]"],
    ["text", null, "text, is null"],
    ["text", undefined, "text, is missing"],
    ["json", undefined, "json, is missing"],
    ["text?", ["y".repeat(90)], `text, is ["${"y".repeat(78)}...`],
  ];
  for (const [column, value, message] of wrong) {
    assert.equal(refusal({ dob: column }, [], { dob: value }), `column dob should be ${message}`);
  }
});

Deno.test("a key that Cassandra could never take is refused", () => {
  const columns = { a: "text", b: "text", c: "text", d: "bytes" } as const;
  const row = { a: "1", b: "", c: "", d: new Uint8Array(70_000) };
  const key = ["b", "a", "c"];
  assert.equal(refusal(columns, key, row), "key column b is empty");
  assert.equal(
    refusal(columns, ["b"], { ...row, b: "ü".repeat(32_768) }),
    "key column b is 65536 bytes; at most 65535 are possible",
  );
  assert.equal(
    refusal(columns, key, { ...row, b: "1", a: "x".repeat(40_000), c: "x".repeat(40_000) }),
    "the key's columns after the first are 80000 bytes; at most 65535 are possible",
  );
  const encoder = new CellEncoder(columnSpecs(columns), key);
  encoder.add({ ...row, b: "x".repeat(65_535), a: "x".repeat(65_535) }, 0);
  assert.equal(encoder.count, 1, "the longest keys are taken, and clustering columns may be empty");
});

const columns = {
  id: "uuid",
  name: "text?",
  small: "int?",
  large: "bigint?",
  ratio: "double?",
  yes: "boolean?",
  at: "timestamp?",
  day: "date?",
  data: "json?",
  raw: "bytes?",
} as const;
const specs = columnSpecs(columns);

/** A random row, and what the embedded tables would store for it. */
function randomRow(random: Seeded): { row: Record<string, unknown>; stored: (SqlValue | null)[] } {
  const at = new Date(random.integer(-8.64e15, 8.64e15));
  const day = new Date(Date.UTC(random.integer(1, 9999), random.integer(0, 11), random.integer(1, 31)))
    .toISOString().slice(-24, -14);
  const data = { text: random.text(9), list: [random.integer(0, 9), null] };
  const large = BigInt.asIntN(64, BigInt(`0x${random.bytes(8).toHex()}`));
  const both: Record<string, readonly [unknown, SqlValue]> = {
    name: same(random.text(random.chance(0.1) ? 3_000 : 60)),
    small: same(random.integer(-(2 ** 31), 2 ** 31 - 1)),
    large: random.chance(0.5) ? same(large) : [Number(large >> 11n), large >> 11n],
    ratio: random.chance(0.1) ? [NaN, "NaN"] : same(random.pick([random.fraction(), -Infinity, 5e-324])),
    yes: random.chance(0.5) ? [true, 1] : [false, 0],
    at: [random.chance(0.5) ? at : at.getTime(), at.toISOString()],
    day: same(day),
    data: [data, JSON.stringify(data)],
    raw: same(random.bytes(random.integer(0, 40))),
  };
  const id = random.uuid();
  const row: Record<string, unknown> = { id: random.chance(0.5) ? id : id.toUpperCase(), more: "no column" };
  const stored: (SqlValue | null)[] = [id];
  for (const { name } of specs.slice(1)) {
    const [value, kept] = both[name]!;
    const given = random.chance(0.8);
    if (given) row[name] = value;
    else if (random.chance(0.5)) row[name] = null;
    stored.push(given ? kept : null);
  }
  return { row, stored };
}

function same<T>(value: T): readonly [T, T] {
  return [value, value];
}

function decoded({ count, bytes }: CellRows): { rows: (SqlValue | null)[][]; times: number[] } {
  const reader = new ValueReader(bytes);
  const rows: (SqlValue | null)[][] = [];
  const times: number[] = [];
  for (let row = 0; row < count; row++) {
    rows.push(specs.map(({ type }) => {
      const value = reader.next();
      return value ? decodeCell(type, value.slice()) : null;
    }));
    times.push(reader.nextTime());
  }
  assert.equal(reader.at, bytes.length, "nothing is behind the last row");
  return { rows, times };
}

Deno.test("whatever is added, in between refused and rolled back, comes out as it went in", () => {
  const encoder = new CellEncoder(specs, ["id"]);
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Seeded(seed);
    const expected: (SqlValue | null)[][] = [];
    const times: number[] = [];
    const add = () => {
      const { row, stored } = randomRow(random);
      times.push(random.integer(0, 2 ** 53 - 1));
      encoder.add(row, times.at(-1)!);
      expected.push(stored);
    };
    for (let step = 0; step < 60; step++) {
      if (random.chance(0.2)) {
        const { row } = randomRow(random);
        assert.throws(() => encoder.add({ ...row, raw: "no bytes" }, 0), /column raw should be bytes/);
      } else if (random.chance(0.1)) {
        encoder.mark();
        const kept = expected.length;
        for (let count = random.integer(0, 5); count > 0; count--) add();
        encoder.rollback();
        expected.length = times.length = kept;
      } else add();
      assert.equal(encoder.count, expected.length);
    }
    const rows = encoder.finish();
    assert.deepEqual(decoded(rows), { rows: expected, times }, `seed ${seed}`);
    assert.equal(rows.bytes.buffer.byteLength, rows.bytes.byteLength, "nothing else is transferred");
  }
});

Deno.test("finished rows can be transferred, and the encoder goes on", () => {
  const encoder = new CellEncoder(columnSpecs({ id: "text" }), ["id"]);
  encoder.add({ id: "one" }, 1);
  const first = encoder.finish();
  assert.equal(encoder.count, 0);
  structuredClone(first, { transfer: [first.bytes.buffer as ArrayBuffer] });
  encoder.add({ id: "second" }, 2);
  const value = new ValueReader(encoder.finish().bytes).next();
  assert.equal(new TextDecoder().decode(value), "second");
});

Deno.test("bytes that are no value of their type are refused", () => {
  assert.throws(() => decodeCell("int", new Uint8Array(3)), /int should be 4 bytes, is 3/);
  assert.throws(() => decodeCell("uuid", new Uint8Array(0)), /uuid should be 16 bytes, is 0/);
  assert.throws(() => decodeCell("text", Uint8Array.of(0xff)), /text is not valid UTF-8/);
  assert.throws(() => decodeCell("timestamp", new Uint8Array(8).fill(0x7f)), /timestamp is out of range/);
});
