import assert from "node:assert/strict";
import { breakText } from "../../src/warehouse/pglite_protocol.ts";

Deno.test("what breaks the embedded database is told in words, whatever is thrown", () => {
  assert.equal(breakText(new RangeError("out of memory")), "RangeError: out of memory");
  // As Emscripten's file system throws it.
  assert.equal(breakText({ name: "ErrnoError", errno: 51 }), "no space is left on its disk");
  assert.equal(breakText({ name: "ErrnoError", errno: 29 }), "its file system failed with WASI's error 29");
  assert.equal(breakText("gone"), '"gone"');
  assert.equal(breakText(undefined), "undefined");
});
