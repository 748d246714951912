/**
 * The port of bytes and values. `decode` runs in a worker for every record read, `encode` for every one written.
 * Both throw an Error whose message says what is wrong with the value at hand; it becomes the dead letter's reason.
 * Contract: `decode(encode(value))` equals `value`, and no input, however broken, makes `decode` do anything but
 * return or throw. What can be written may be wider than what is read, as a `Date` where milliseconds are read: `W`
 * is that.
 */
export interface Codec<T, W = T> {
  /** Names the format in plans and dead letters: `json`, `delimited`, ... */
  readonly name: string;
  encode(value: W): Uint8Array;
  decode(bytes: Uint8Array): T;
  /**
   * The same as `decode`, of bytes that are all ASCII and come as text already: many records are turned to text at once.
   * The value must not hold on to the text, which is a part of a longer one. Default: bytes are always decoded.
   */
  decodeAscii?(text: string): T;
}
