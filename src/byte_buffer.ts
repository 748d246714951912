/** A growing buffer that bytes are appended to. It keeps its memory for the next use. */
export class ByteBuffer {
  /** Bytes in use. May be set back, to forget what was appended last. */
  length = 0;
  protected memory = new Uint8Array(16 * 1024);

  /** A copy of what is in use, of exactly that size. The buffer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.memory.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  byte(value: number): void {
    this.reserve(1);
    this.memory[this.length++] = value;
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length);
    this.memory.set(value, this.length);
    this.length += value.length;
  }

  /** UTF-8. A lone surrogate becomes U+FFFD, as everywhere on the Web. */
  text(value: string): void {
    // Short ASCII, which most text is, is copied here: encodeInto needs a view of its own for each call.
    if (value.length <= longestCopied && this.ascii(value, allAscii)) return;
    // A UTF-16 unit takes at most 3 bytes of UTF-8.
    this.reserve(value.length * 3);
    this.length += encoder.encodeInto(value, this.memory.subarray(this.length)).written;
  }

  /**
   * Appends text whose every character is one of `allowed`, a table of 128 that holds 1 for those that are; false, and
   * nothing appended, for any other text.
   */
  ascii(value: string, allowed: Uint8Array): boolean {
    const { length } = value;
    this.reserve(length);
    const { memory, length: start } = this;
    for (let at = 0; at < length; at++) {
      const code = value.charCodeAt(at);
      if (code > 0x7f || allowed[code] === 0) return false;
      memory[start + at] = code;
    }
    this.length = start + length;
    return true;
  }

  protected reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.memory.length) return;
    const larger = new Uint8Array(Math.max(needed, this.memory.length * 2));
    larger.set(this.memory.subarray(0, this.length));
    this.memory = larger;
    this.moved();
  }

  /** The memory is another one now. */
  protected moved(): void {}
}

const encoder = new TextEncoder();
const allAscii = new Uint8Array(128).fill(1);
/** Above this length, in UTF-16 units, encodeInto is the faster. */
const longestCopied = 200;
