import assert from "node:assert/strict";
import { text } from "../../src/codecs/text.ts";
import { codecSuite } from "../support/codec_suite.ts";

codecSuite(text(), ["weir", "", "Zoë 😀\u0000\n", "\ufeffwith a byte order mark"]);

Deno.test("text: half a surrogate pair is refused, since UTF-8 would turn it into something else", () => {
  for (const half of ["\ud800", "a\udc00b"]) {
    assert.throws(() => text().encode(half), /half a surrogate pair cannot be written as UTF-8: "/);
  }
});
