import assert from "node:assert/strict";
import { text } from "../../src/codecs/text.ts";
import { codecSuite } from "../support/codec_suite.ts";

codecSuite(text(), ["weir", "", "Zoë 😀\u0000\n", "\ufeffwith a byte order mark"]);

Deno.test("text: half a surrogate pair is refused, since UTF-8 would turn it into something else", () => {
  for (const half of ["\ud800", "a\udc00b"]) {
    assert.throws(() => text().encode(half), /half a surrogate pair cannot be written as UTF-8: "/);
  }
});

Deno.test("text: what is no text is refused with what it is", () => {
  for (const [value, shown] of [[5, "5"], [undefined, "undefined"], [{ a: 1 }, '{"a":1}']] as const) {
    assert.throws(() => text().encode(value as unknown as string), {
      message: `text is needed, but the value is ${shown}`,
    });
  }
});
