import assert from "node:assert/strict";
import type { AvroSchema } from "../../src/codecs/avro.ts";
import { json } from "../../src/codecs/json.ts";
import { codecSuite } from "../support/codec_suite.ts";

const schema = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "id", type: "string" },
    { name: "at", type: "long" },
    { name: "celsius", type: ["null", "double"] },
    { name: "code", type: ["string", "int"] },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "state", type: { type: "enum", name: "State", symbols: ["ON", "OFF"] } },
  ],
} as const;

const codec = json(schema);
const good = { id: "a", at: 1, celsius: null, code: "x", tags: ["b"], state: "ON" } as const;

codecSuite(codec, [
  good,
  { ...good, id: "", code: -5, celsius: 1e-300, tags: [] },
  { ...good, id: "\u0000\u2028'\"\\😀", at: Number.MAX_SAFE_INTEGER - 1 },
  { ...good, id: "half a pair: \ud800" },
]);

function decode(text: string) {
  return codec.decode(new TextEncoder().encode(text));
}

function decodeWith(fields: Record<string, unknown>) {
  return decode(JSON.stringify({ ...good, ...fields }));
}

Deno.test("json: poison is refused with what is wrong", () => {
  const cases: [string, RegExp][] = [
    ["", /^the value is empty$/],
    ["{", /^not JSON: "{"$/],
    ["{} {}", /^not JSON/],
    ["null", /^the value should be record, is null$/],
    ['"text"', /^the value should be record, is "text"$/],
    ["{}", /^field id should be string, is missing; field at should be long, is missing; /],
    ["[".repeat(5_000_000), /^not JSON: "\[{60}…"$/],
    ['{"__proto__": {"id": "a"}}', /^field id should be string, is missing/],
  ];
  for (const [text, expected] of cases) {
    assert.throws(
      () => decode(text),
      (error) => error instanceof Error && expected.test(error.message),
      text.slice(0, 40),
    );
  }
});

Deno.test("json: wrong types are named with their field", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ id: 5 }, "field id should be string, is 5"],
    [{ id: null }, "field id should be string, is null"],
    [{ at: "1" }, 'field at should be long, is "1"'],
    [{ at: 1.5 }, "field at should be long, is 1.5"],
    [{ celsius: "warm" }, 'field celsius should be null or double, is "warm"'],
    [{ celsius: undefined }, "field celsius should be null or double, is missing"],
    [{ code: 1.5 }, "field code should be int, is 1.5"],
    [{ code: null }, "field code should be string or int, is null"],
    [{ code: 2 ** 31 }, "field code should be int, is 2147483648"],
    [{ tags: "b" }, 'field tags should be array, is "b"'],
    [{ tags: ["b", 7] }, "field tags.1 should be string, is 7"],
    [{ state: "BROKEN" }, 'field state should be enum, is "BROKEN"'],
    [{ id: { deep: "x".repeat(100) } }, `field id should be string, is {"deep":"${"x".repeat(51)}…`],
  ];
  for (const [fields, message] of cases) assert.throws(() => decodeWith(fields), { message });
});

Deno.test("json: numbers that a long cannot hold exactly are refused, not rounded", () => {
  const withNumber = (number: string) => decode(JSON.stringify(good).replace('"at":1', `"at":${number}`));
  assert.equal(withNumber("9007199254740990").at, 9007199254740990);
  assert.throws(() => withNumber("9007199254740993"), /field at should be long, is 9007199254740992/);
  assert.throws(() => withNumber("1e400"), /field at should be long/);
});

Deno.test("json: numbers that JSON cannot hold are refused, not turned into null", () => {
  for (const celsius of [NaN, Infinity, -Infinity]) {
    assert.throws(() => codec.encode({ ...good, celsius }), {
      message: "field celsius is not finite, which JSON cannot hold",
    });
  }
  assert.throws(
    () => decode(JSON.stringify(good).replace('"celsius":null', '"celsius":1e400')),
    /field celsius is not finite/,
  );
  const nested = json({ type: "array", items: { type: "map", values: "double" } } as const);
  assert.throws(() => nested.encode([{ a: 1 }, { b: NaN }]), /^Error: field 1\.b is not finite/);
  assert.throws(() => json("double").encode(NaN), /^Error: the value is not finite/);
});

Deno.test("json: deep nesting is read where it may be, and refused where it may not, without an overflow", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assert.equal(decode(JSON.stringify(good).replace("}", `,"more":${deep}}`)).id, "a");
  assert.throws(
    () => decode(JSON.stringify(good).replace('"a"', deep)),
    /field id should be string, is \[{60}…/,
  );
});

Deno.test("json: fields that the schema does not name are let through", () => {
  assert.deepEqual(decodeWith({ more: { of: ["this"] } }), { ...good, more: { of: ["this"] } });
});

Deno.test("json: what does not fit is not written either", () => {
  assert.throws(() => codec.encode({ ...good, id: 5 } as never), {
    message: "field id should be string, is 5",
  });
  assert.throws(() => codec.encode(undefined as never), /the value should be record, is missing/);
});

Deno.test("json: a schema that is no Avro, or whose unions plain JSON cannot tell apart, is refused at once", () => {
  assert.throws(
    () => json("nothing"),
    (error) => error instanceof TypeError && /schema is not valid: .*nothing/.test(error.message),
  );
  assert.throws(() => json(["int", "double"] as const), /schema is not valid: ambiguous/);
  const [a, b] = ["A", "B"].map((name) => ({ type: "record", name, fields: [] }));
  assert.throws(() => json([a!, b!]), /schema is not valid: ambiguous/);
});

Deno.test("json: a bigint and a Date are written as the number that the schema says, and read as it", () => {
  const long = { type: "long" } as const;
  const wide = json(
    {
      type: "record",
      name: "Wide",
      fields: [
        { name: "n", type: "long" },
        { name: "few", type: "int" },
        { name: "at", type: "long" },
        { name: "millis", type: { type: "long", logicalType: "timestamp-millis" } },
        { name: "micros", type: { type: "long", logicalType: "timestamp-micros" } },
        { name: "maybe", type: ["null", "long"] },
        { name: "all", type: { type: "array", items: ["string", "long"] } },
        { name: "each", type: { type: "map", values: long } },
        { name: "deep", type: { type: "record", name: "Deep", fields: [{ name: "n", type: "long" }] } },
      ],
    } as const,
  );
  const at = new Date("2026-01-31T12:00:00.007Z");
  const value = {
    n: 2n ** 53n - 2n,
    few: -3n,
    at,
    millis: at,
    micros: at,
    maybe: 4n,
    all: ["x", 5n, at, 6],
    each: { a: 7n, b: at },
    deep: { n: -1n },
    unnamed: 8n,
  };
  const before = { ...value };
  assert.deepEqual<unknown>(wide.decode(wide.encode(value)), {
    n: 2 ** 53 - 2,
    few: -3,
    at: Number(at),
    millis: Number(at),
    micros: Number(at) * 1_000,
    maybe: 4,
    all: ["x", 5, Number(at), 6],
    each: { a: 7, b: Number(at) },
    deep: { n: -1 },
    unnamed: 8,
  });
  assert.deepEqual(value, before, "what is written stays as it was");
  assert.deepEqual<unknown>(wide.decode(wide.encode({ ...value, maybe: null, few: 1 })).maybe, null);
});

Deno.test("json: a bigint or a Date that is no number of the schema's is refused", () => {
  const refused = (type: AvroSchema, value: unknown, message: string) =>
    assert.throws(() => json(type as "long").encode(value as never), { message }, JSON.stringify(type));
  refused("long", 2n ** 53n, "the value should be long, is 9007199254740992n");
  refused("int", 2n ** 31n, "the value should be int, is 2147483648");
  refused("double", 1n, "the value should be double, is 1n");
  refused("string", 1n, "the value should be string, is 1n");
  refused("int", new Date(0), 'the value should be int, is "1970-01-01T00:00:00.000Z"');
  refused("string", new Date(0), 'the value should be string, is "1970-01-01T00:00:00.000Z"');
  refused("long", new Date(NaN), "the value should be long, is null");
  for (const logicalType of ["timestamp-nanos", "time-micros"]) {
    refused(
      { type: "long", logicalType },
      new Date(0),
      'the value should be long, is "1970-01-01T00:00:00.000Z"',
    );
  }
  const empty = { type: "record", name: "Empty", fields: [] } as const;
  refused(empty, { n: 2n ** 60n }, "field n is 1152921504606846976n, which a number does not hold exactly");
});
