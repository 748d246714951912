import assert from "node:assert/strict";
import { delimited } from "../../src/codecs/delimited.ts";
import { codecSuite } from "../support/codec_suite.ts";

const codec = delimited(["name", "address", "year"], "$");

codecSuite(codec, [
  { name: "Ada", address: "12 St James's Square, London", year: "1815" },
  { name: "", address: "", year: "" },
  { name: "Zoë 😀", address: "two\nlines", year: '"quoted"' },
]);

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("delimited: fields are in order, without quoting", () => {
  assert.deepEqual(codec.decode(bytes("Ada$London$1815")), { name: "Ada", address: "London", year: "1815" });
  assert.equal(
    new TextDecoder().decode(codec.encode({ year: "1815", name: "Ada", address: "London" })),
    "Ada$London$1815",
  );
});

Deno.test("delimited: another number of fields is refused with the fields that are expected", () => {
  assert.throws(() => codec.decode(bytes("Ada$London")), {
    message: 'expected 3 fields (name$address$year), got 2: "Ada$London"',
  });
  assert.throws(() => codec.decode(bytes("a$b$c$d")), /expected 3 fields .* got 4/);
  assert.throws(() => codec.decode(bytes("")), /expected 3 fields .* got 1: ""/);
});

Deno.test("delimited: a value that holds the separator is not written", () => {
  assert.throws(
    () => codec.encode({ name: "A$AP", address: "", year: "" }),
    { message: 'field name holds the separator "$": "A$AP"' },
  );
  assert.throws(() => codec.encode({ name: "\udc00", address: "", year: "" }), /half a surrogate pair/);
});

Deno.test("delimited: what is no text is not written, and the field is named", () => {
  const written = (row: unknown) => codec.encode(row as Parameters<typeof codec.encode>[0]);
  assert.throws(() => written({ name: "Ada", address: "London", year: 1815 }), {
    message: "field year is 1815, but only text can be written",
  });
  assert.throws(() => written({ name: "Ada", year: "1815" }), {
    message: "field address is undefined, but only text can be written",
  });
});

Deno.test("delimited: a separator may be longer, and a field alone", () => {
  const wide = delimited(["a", "b"], " | ");
  assert.deepEqual(wide.decode(wide.encode({ a: "1|2", b: "3" })), { a: "1|2", b: "3" });
  assert.deepEqual(delimited(["line"], "\t").decode(bytes("all of it")), { line: "all of it" });
});

Deno.test("delimited: without fields or separator it is refused at once", () => {
  assert.throws(() => delimited([], "$"), TypeError);
  assert.throws(() => delimited(["a"], ""), TypeError);
  assert.throws(
    () => (delimited as (...none: unknown[]) => unknown)(),
    /give at least one field and a separator/,
  );
});
