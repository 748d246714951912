import type { Codec } from "./mod.ts";

/**
 * Plain UTF-8 text.
 *
 * @example
 * ```ts
 * import { text } from "weir";
 * console.assert(text().decode(text().encode("weir")) === "weir");
 * ```
 */
export function text(): Codec<string> {
  const encoder = new TextEncoder();
  const decoder = utf8Decoder();
  return {
    name: "text",
    encode: (value) => encoder.encode(value),
    decode: (bytes) => decodeUtf8(decoder, bytes),
  };
}

/** A decoder that refuses bytes that are not UTF-8, and keeps a byte order mark as what it is. */
export function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** Decodes, or says that the bytes are not UTF-8. */
export function decodeUtf8(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error(`the ${bytes.length} bytes are not UTF-8 text`, { cause });
  }
}
