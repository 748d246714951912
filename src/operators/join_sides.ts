import type { Codec } from "../codecs/mod.ts";
import { decodeUtf8, utf8Decoder } from "../codecs/text.ts";
import type { StateKey } from "./map_with_state.ts";
import { keyText } from "./state.ts";

/** A value on its way to a join: which side it is of, and the key that it is matched by, which is computed once. */
export type Side<L, R, K> =
  | { readonly key: K; readonly left: L }
  | { readonly key: K; readonly right: R };

const lineFeed = 0x0a;

/**
 * Values of both sides in one topic, as text where their own codecs write text: a line with the side and the key as JSON,
 * and then the value as the side's codec has it.
 *
 *     left "o-17"
 *     {"id":"o-17","total":12}
 */
export function sidesCodec<L, R, K extends StateKey>(
  left: Codec<L>,
  right: Codec<R>,
): Codec<Side<L, R, K>> {
  const utf8 = new TextEncoder();
  const fromUtf8 = utf8Decoder();
  const encode = (side: string, key: K, value: Uint8Array) => {
    const head = utf8.encode(`${side} ${keyText(key)}\n`);
    const bytes = new Uint8Array(head.length + value.length);
    bytes.set(head);
    bytes.set(value, head.length);
    return bytes;
  };
  return {
    name: `left ${left.name}, right ${right.name}`,
    encode: (value) =>
      "left" in value
        ? encode("left", value.key, left.encode(value.left))
        : encode("right", value.key, right.encode(value.right)),
    decode: (bytes) => {
      const end = bytes.indexOf(lineFeed);
      const head = decodeUtf8(fromUtf8, end < 0 ? bytes : bytes.subarray(0, end));
      const [, side, text] = (end > 0 && /^(left|right) (.+)$/.exec(head)) || [];
      if (side === undefined) throw new Error("it does not start with a side of the join and a key");
      const key = JSON.parse(text!) as K;
      keyText(key);
      const value = bytes.subarray(end + 1);
      return side === "left" ? { key, left: left.decode(value) } : { key, right: right.decode(value) };
    },
  };
}
