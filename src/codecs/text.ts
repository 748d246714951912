import { shown } from "../shown.ts";
import type { Codec } from "./mod.ts";

/**
 * Plain UTF-8 text. Encoding throws for half a surrogate pair, which UTF-8 cannot hold.
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
    encode: (value) => encodeUtf8(encoder, value),
    decode: (bytes) => decodeUtf8(decoder, bytes),
  };
}

/** Encodes, or says that it is no text, or one that UTF-8 cannot hold: the encoder itself would write something else. */
export function encodeUtf8(encoder: TextEncoder, text: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") throw new Error(`text is needed, but the value is ${shown(text)}`);
  if (!text.isWellFormed()) {
    throw new Error(`half a surrogate pair cannot be written as UTF-8: ${JSON.stringify(text.slice(0, 60))}`);
  }
  return encoder.encode(text);
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
