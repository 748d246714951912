import assert from "node:assert/strict";
import type { Codec } from "../../src/codecs/mod.ts";
import { Seeded } from "./seeded.ts";

/** The promises of `src/codecs/mod.ts`, for any codec: give it values that it takes. */
export function codecSuite<T>(codec: Codec<T>, values: readonly T[]): void {
  Deno.test(`${codec.name}: decode gives what encode took`, () => {
    for (const value of values) assert.deepEqual(codec.decode(codec.encode(value)), value);
  });

  Deno.test(`${codec.name}: any bytes decode to something that encodes, or throw an Error with a message`, () => {
    const random = new Seeded(20250615);
    const encoded = values.map((value) => codec.encode(value));
    for (let i = 0; i < 4_000; i++) {
      const bytes = i % 2 === 0
        ? random.bytes(random.integer(0, 63))
        : damaged(encoded[i % encoded.length]!, random);
      let value: T;
      try {
        value = codec.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof Error && error.message !== "", `${error} for ${bytes}`);
        continue;
      }
      assert.deepEqual(codec.decode(codec.encode(value)), value);
    }
  });

  const { decodeAscii } = codec;
  if (decodeAscii) {
    Deno.test(`${codec.name}: ASCII text decodes to what its bytes do, or throws the same`, () => {
      const random = new Seeded(20250616);
      const encoded = values.map((value) => codec.encode(value));
      for (let i = 0; i < 4_000; i++) {
        const bytes = damaged(encoded[i % encoded.length]!, random).map((byte) => byte & 0x7f);
        const text = String.fromCharCode(...bytes);
        assert.deepEqual(outcome(() => decodeAscii(text)), outcome(() => codec.decode(bytes)), text);
      }
    });
  }

  Deno.test(`${codec.name}: bytes that are not UTF-8 are refused with their number`, () => {
    assert.throws(() => codec.decode(new Uint8Array([0xff, 0xfe, 0x00])), /the 3 bytes are not UTF-8 text/);
    assert.throws(
      () => codec.decode(new Uint8Array([0xed, 0xa0, 0x80])),
      /not UTF-8/,
      "half a surrogate pair",
    );
  });

  Deno.test(`${codec.name}: 10 MB are read or refused like less`, () => {
    const bytes = new Uint8Array(10_000_000).fill(0x78);
    try {
      codec.decode(bytes);
    } catch (error) {
      assert.ok(error instanceof Error && error.message.length < 1_000, "the message does not hold it all");
    }
  });
}

/** What is returned, or the message of what is thrown. */
function outcome(action: () => unknown): { value: unknown } | { message: string } {
  try {
    return { value: action() };
  } catch (error) {
    return { message: (error as Error).message };
  }
}

/** The bytes with some of them changed, cut off or doubled. */
function damaged(bytes: Uint8Array, random: Seeded): Uint8Array {
  const at = random.integer(0, bytes.length - 1);
  const copy = bytes.slice();
  switch (random.integer(0, 2)) {
    case 0:
      copy[at] = random.integer(0, 255);
      return copy;
    case 1:
      return copy.subarray(0, at);
    default:
      return new Uint8Array([...copy.subarray(0, at), ...copy.subarray(at >> 1)]);
  }
}
