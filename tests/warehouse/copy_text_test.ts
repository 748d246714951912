import assert from "node:assert/strict";
import { type Column, columnSpecs } from "../../src/columns.ts";
import { CopyEncoder } from "../../src/warehouse/copy_text.ts";
import { Seeded } from "../support/seeded.ts";

function encoderOf(columns: Record<string, Column>): CopyEncoder {
  return new CopyEncoder(columnSpecs(columns));
}

/** The line of a row with one column. */
function line(column: Column, value: unknown): string {
  const encoder = encoderOf({ c: column });
  encoder.add({ c: value });
  return textOf(encoder);
}

function textOf(encoder: CopyEncoder): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoder.finish().bytes);
}

Deno.test("a row is a line of cells between tabs, in the columns' order", () => {
  const encoder = encoderOf({ a: "text", b: "int?", c: "boolean" });
  encoder.add({ c: true, a: "x", unknown: 1 });
  encoder.add({ a: "", b: -7, c: false });
  assert.equal(encoder.count, 2);
  const { count, bytes } = encoder.finish();
  assert.equal(count, 2);
  assert.equal(new TextDecoder().decode(bytes), "x\t\\N\tt\n\t-7\tf\n");
  assert.equal(bytes.byteLength, bytes.buffer.byteLength);
});

Deno.test("finish starts anew", () => {
  const encoder = encoderOf({ a: "int" });
  assert.deepEqual(encoder.finish(), { count: 0, bytes: new Uint8Array() });
  encoder.add({ a: 1 });
  encoder.finish();
  encoder.add({ a: 2 });
  assert.equal(textOf(encoder), "2\n");
});

Deno.test("what was added after a mark can be taken back", () => {
  const encoder = encoderOf({ a: "int" });
  encoder.add({ a: 1 });
  encoder.mark();
  encoder.add({ a: 2 });
  encoder.add({ a: 3 });
  encoder.rollback();
  assert.equal(encoder.count, 1);
  encoder.add({ a: 4 });
  assert.equal(textOf(encoder), "1\n4\n");
});

Deno.test("a row with a value that does not fit leaves nothing behind", () => {
  const encoder = encoderOf({ a: "text", b: "int" });
  encoder.add({ a: "x", b: 1 });
  assert.throws(() => encoder.add({ a: "y", b: "1" }), TypeError);
  assert.equal(textOf(encoder), "x\t1\n");
});

Deno.test("a reader of COPY's text format finds each row as it was, whatever was taken back between", () => {
  const random = new Seeded(20251121);
  const pieces = [
    "\t",
    "\n",
    "\r",
    "\\",
    "\\N",
    "\\.",
    "N",
    "\b",
    "\x7f",
    "\x80",
    "é",
    "😀",
    "x".repeat(199),
    "y".repeat(201),
  ];
  const text = () => Array.from({ length: random.integer(0, 4) }, () => random.pick(pieces)).join("");
  for (let round = 0; round < 100; round++) {
    const encoder = encoderOf({ a: "text", b: "text?", c: "int" });
    let expected: (string | null)[][] = [];
    let marked = expected;
    for (let step = random.integer(0, 50); step > 0; step--) {
      const [a, b, c] = [text(), random.chance(0.3) ? null : text(), random.integer(-9, 9)];
      switch (random.integer(0, 5)) {
        case 0:
          encoder.mark();
          marked = expected;
          break;
        case 1:
          encoder.rollback();
          expected = marked;
          break;
        case 2:
          assert.throws(() => encoder.add({ a, b: random.pick(["\0", `${b}\0`]), c }), TypeError);
          break;
        default:
          encoder.add({ a, b, c });
          expected = [...expected, [a, b, `${c}`]];
      }
      assert.equal(encoder.count, expected.length);
    }
    assert.deepEqual(readCopy(textOf(encoder)), expected);
  }
});

/** Reads COPY's text format as Postgres's documentation has it. */
function readCopy(text: string): (string | null)[][] {
  assert.doesNotMatch(text, /[\r\0]/);
  const lines = text.split("\n");
  assert.equal(lines.pop(), "", "every row ends its line");
  const meanings: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
  return lines.map((line) =>
    line.split("\t").map((cell) =>
      cell === "\\N" ? null : cell.replace(/\\([^])/g, (_, escaped: string) => meanings[escaped] ?? escaped)
    )
  );
}

const cells: [Column, unknown, string][] = [
  ["text", "tab\tline\nreturn\rback\\slash", "tab\\tline\\nreturn\\rback\\\\slash"],
  ["text", "\\N", "\\\\N"],
  ["text", "\ufeffé€😀", "\ufeffé€😀"],
  ["text", "lone \ud83d", "lone \ufffd"],
  ["text?", undefined, "\\N"],
  ["text?", null, "\\N"],
  ["uuid", "0F8fad5b-d9cb-469f-a165-70867728950e", "0F8fad5b-d9cb-469f-a165-70867728950e"],
  ["int", -0, "0"],
  ["int", -2147483648, "-2147483648"],
  ["bigint", 9007199254740991, "9007199254740991"],
  ["bigint", -(2n ** 63n), "-9223372036854775808"],
  ["double", -0, "-0"],
  ["double", NaN, "NaN"],
  ["double", -Infinity, "-Infinity"],
  ["double", 1e21, "1e+21"],
  ["boolean", false, "f"],
  ["timestamp", 0, "1970-01-01T00:00:00.000Z"],
  ["timestamp", new Date("2024-02-29T23:59:59.999Z"), "2024-02-29T23:59:59.999Z"],
  ["timestamp", Date.UTC(12345, 0, 2), "12345-01-02T00:00:00.000Z"],
  ["timestamp", new Date("0000-02-29T00:00:00Z"), "0001-02-29T00:00:00.000Z BC"],
  ["timestamp", new Date("-004712-01-01T00:00:00Z"), "4713-01-01T00:00:00.000Z BC"],
  ["date", "2024-02-29", "2024-02-29"],
  ["json", { a: 'quote "', b: [null, "\n\\"] }, '{"a":"quote \\\\"","b":[null,"\\\\n\\\\\\\\"]}'],
  ["json", "\ud800 \u001f \\u0000", '"\ufffd \\\\u001f \\\\\\\\u0000"'],
  ["json", null, "null"],
  ["json?", null, "\\N"],
  ["bytes", new Uint8Array([0, 10, 255]), "\\\\x000aff"],
  ["bytes", new Uint8Array([1, 2, 3]).subarray(1, 2), "\\\\x02"],
];
for (const [column, value, expected] of cells) {
  Deno.test(`${column} ${Deno.inspect(value)} is written as ${expected}`, () => {
    assert.equal(line(column, value), `${expected}\n`);
  });
}

const circular: Record<string, unknown> = {};
circular.self = circular;
const misfits: [Column, unknown, RegExp][] = [
  ["text", undefined, /^column "c" takes a string, is missing$/],
  ["text", null, /is null$/],
  ["text", 7, /takes a string, is 7$/],
  ["text", "a\0b", /is "a\\u0000b": Postgres cannot hold the character U\+0000$/],
  ["uuid", "0f8fad5bd9cb469fa16570867728950e", /takes a UUID/],
  ["uuid", "{0f8fad5b-d9cb-469f-a165-70867728950e}", /takes a UUID/],
  ["int", 2147483648, /from -2147483648 to 2147483647, is 2147483648$/],
  ["int", 1.5, /is 1.5$/],
  ["int", 1n, /is 1n$/],
  ["bigint", 2 ** 53, /is 9007199254740992$/],
  ["bigint", 2n ** 63n, /is 9223372036854775808n$/],
  ["double", "1", /takes a number, is "1"$/],
  ["boolean", 1, /takes true or false, is 1$/],
  ["timestamp", "2024-01-01T00:00:00Z", /takes a Date, or milliseconds since 1970/],
  ["timestamp", new Date(NaN), /is Invalid Date: it is no point in time$/],
  ["timestamp", 8.64e15 + 1, /it is no point in time$/],
  ["timestamp", Date.UTC(-4713, 11, 31), /no times before 4713 BC$/],
  ["date", "2023-02-29", /takes a day that exists/],
  ["date", "0000-01-01", /takes a day that exists/],
  ["date", "2024-1-1", /takes a day that exists/],
  ["json", undefined, /is missing$/],
  ["json", () => 1, /takes a value that JSON can hold, is function$/],
  ["json", Promise.resolve(1), /: it is a promise, which nothing waits for$/],
  ["json", { n: 1n }, /BigInt/],
  ["json", circular, /circular/i],
  ["json", ["\0"], /U\+0000$/],
  ["json", { "\0": 1 }, /U\+0000$/],
  ["bytes", "00", /takes a Uint8Array/],
];
for (const [column, value, message] of misfits) {
  Deno.test(`${column} refuses ${Deno.inspect(value)}`, () => {
    assert.throws(() => line(column, value), { name: "TypeError", message });
  });
}

Deno.test("an error shows the start of a long value", () => {
  assert.throws(() => line("int", "x".repeat(1_000)), (error: Error) => error.message.length < 200);
});

Deno.test("times that follow one another are each written as what they are", () => {
  const encoder = encoderOf({ at: "timestamp", to: "timestamp" });
  const rows = [[0, 60_000], [0, 60_000], [60_000, 0], [-0, 0], [0, 1]].map(([at, to]) => ({ at, to }));
  for (const row of rows) encoder.add(row);
  assert.throws(() => encoder.add({ at: NaN, to: 1 }), /it is no point in time/);
  const text = new TextDecoder().decode(encoder.finish().bytes);
  const expected = rows.map(({ at, to }) =>
    `${new Date(at!).toISOString()}\t${new Date(to!).toISOString()}\n`
  );
  assert.equal(text, expected.join(""));
});
