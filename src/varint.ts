/** Kafka's varints: zigzag, seven bits a byte, the lowest first (https://kafka.apache.org/protocol#protocol_types). */

/** Reads one at `cursor.at`, and moves that behind it. Exact up to 2^52 either way, which times and offsets stay within. */
export function readVarint(bytes: Uint8Array, cursor: { at: number }): number {
  let byte = bytes[cursor.at++]!;
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
  let value = byte & 0x7f;
  let weight = 0x80;
  do {
    byte = bytes[cursor.at++]!;
    value += (byte & 0x7f) * weight;
    weight *= 0x80;
  } while (byte >= 0x80);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Writes one; gives the index behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let left = value < 0 ? -2 * value - 1 : 2 * value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes[at++] = left % 0x80 | 0x80;
  bytes[at++] = left;
  return at;
}

/** How many bytes one takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let left = value < 0 ? -2 * value - 1 : 2 * value; left >= 0x80; left = Math.floor(left / 0x80)) {
    length++;
  }
  return length;
}
