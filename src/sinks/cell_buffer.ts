import { ByteBuffer } from "../byte_buffer.ts";

/** A buffer that CQL values are appended to, in their binary encoding (native protocol v4, section 6): fixed widths, big-endian. */
export class CellBuffer extends ByteBuffer {
  #view = new DataView(this.memory.buffer);

  /** Leaves room for a value's length, which `endValue` fills in. Returns where the value starts. */
  beginValue(): number {
    this.reserve(4);
    return this.length += 4;
  }

  /** Ends the value that starts at `start`, and returns its length. */
  endValue(start: number): number {
    const length = this.length - start;
    this.#view.setInt32(start - 4, length);
    return length;
  }

  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value);
    this.length += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value);
    this.length += 8;
  }

  int64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.length, value);
    this.length += 8;
  }

  /** An int64 from a safe integer, without the bigint. */
  safeInteger(value: number): void {
    this.reserve(8);
    writeSafeInteger(this.#view, this.length, value);
    this.length += 8;
  }

  /** 16 bytes from the canonical form, in either case; false, and nothing written, for any other text. */
  uuid(value: string): boolean {
    if (value.length !== 36) return false;
    this.reserve(16);
    let to = this.length;
    for (let from = 0; from < 36; from += 2) {
      if (from === 8 || from === 13 || from === 18 || from === 23) {
        if (value.charCodeAt(from++) !== 0x2d) return false;
      }
      const byte = (nibble(value.charCodeAt(from)) << 4) | nibble(value.charCodeAt(from + 1));
      if (byte < 0) return false;
      this.memory[to++] = byte;
    }
    this.length = to;
    return true;
  }

  /** Days since 1970 plus 2^31 from `YYYY-MM-DD`; false, and nothing written, for any other text or no real day. */
  date(value: string): boolean {
    if (!/^\d{4}-\d\d-\d\d$/.test(value)) return false;
    const ms = Date.parse(`${value}T00:00:00Z`);
    // Date.parse takes the 30th of February in some engines: the day must come out as it went in.
    if (!(Math.abs(ms) < Infinity) || new Date(ms).toISOString().slice(0, 10) !== value) return false;
    this.reserve(4);
    this.#view.setUint32(this.length, ms / dayMs + 2 ** 31);
    this.length += 4;
    return true;
  }

  protected override moved(): void {
    this.#view = new DataView(this.memory.buffer);
  }
}

/** Writes an int64, big-endian, from a safe integer. */
export function writeSafeInteger(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value >>> 0);
}

const dayMs = 86_400_000;

/** A hex digit's value; negative for any other character, even when shifted and combined. */
function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -0x1000;
}
