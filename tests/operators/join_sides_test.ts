import assert from "node:assert/strict";
import { delimited, json, type StateKey, text } from "weir";
import { type Side, sidesCodec } from "../../src/operators/join_sides.ts";
import { codecSuite } from "../support/codec_suite.ts";

const order = {
  type: "record",
  name: "Order",
  fields: [{ name: "id", type: "string" }, { name: "total", type: "double" }],
} as const;
const codec = sidesCodec(json(order), delimited(["order", "note"], ","));
type Given = Side<
  { readonly id: string; readonly total: number },
  Record<"order" | "note", string>,
  StateKey
>;

const keys: readonly StateKey[] = [
  "o-1",
  "",
  "1",
  1,
  true,
  "true",
  ["a", 1],
  '["a",1]',
  "line\nfeed",
  "\ud800",
];
const values: readonly Given[] = keys.flatMap((key): Given[] => [
  { key, left: { id: "line\nfeed", total: 1.5 } },
  { key, right: { order: "o-1", note: "two\nlines" } },
]);

codecSuite(codec, values);

Deno.test("both sides are readable text, with the key as it was computed", () => {
  const shown = values.slice(0, 2).map((value) => new TextDecoder().decode(codec.encode(value)));
  assert.deepEqual(shown, [
    'left "o-1"\n{"id":"line\\nfeed","total":1.5}',
    'right "o-1"\no-1,two\nlines',
  ]);
});

Deno.test("a key of another type is another key", () => {
  const heads = keys.map((key) =>
    new TextDecoder().decode(sidesCodec(text(), text()).encode({ key, left: "" }))
  );
  assert.equal(new Set(heads).size, keys.length);
});

Deno.test("what is no side of a join is refused, and so is a key that cannot be one", () => {
  const decode = (written: string) => () => codec.decode(new TextEncoder().encode(written));
  for (const written of ["", "\n", "left", 'left "o-1"', '"o-1"\n{}', 'both "o-1"\n{}', "left \n{}"]) {
    assert.throws(decode(written), /does not start with a side of the join and a key/, written);
  }
  assert.throws(decode('left "o-1\n{}'), SyntaxError);
  assert.throws(decode('left null\n{"id":"a","total":1}'), /the key is null/);
  assert.throws(decode('left "a"\n{"id":"a"}'), /total/);
  assert.throws(() => codec.encode({ key: NaN, left: { id: "a", total: 1 } }), /the key is NaN/);
});
