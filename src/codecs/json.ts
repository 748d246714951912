import { avroCheck, type AvroSchema, type AvroValue, type AvroWritable } from "./avro.ts";
import { avroPlain, exactNumber } from "./avro_plain.ts";
import { notFinite } from "./finite.ts";
import type { Codec } from "./mod.ts";
import { decodeUtf8, utf8Decoder } from "./text.ts";

/**
 * JSON text in UTF-8, checked against an Avro schema in both directions. Union values are plain (`"x"`, not
 * `{ "string": "x" }`): this is JSON as programs write it, not Avro's own JSON encoding.
 *
 * It also writes what rows of aggregates hold: a bigint up to 2^53 where the schema says `int` or `long`, and a `Date`
 * where it says `long`, in milliseconds since 1970, or in microseconds with the logical type `timestamp-micros`. Both are
 * read as numbers.
 *
 * @throws {TypeError} when the schema is not valid Avro.
 *
 * @example
 * ```ts
 * import { json } from "weir";
 * const codec = json({ type: "record", name: "Point", fields: [{ name: "x", type: "double" }] } as const);
 * console.assert(codec.decode(codec.encode({ x: 1.5 })).x === 1.5);
 * ```
 */
export function json<const S extends AvroSchema>(schema: S): Codec<AvroValue<S>, AvroWritable<S>> {
  const check = avroCheck(schema);
  const plain = avroPlain(schema);
  const fractions = /"(float|double)"/.test(JSON.stringify(schema));
  const encoder = new TextEncoder();
  const decoder = utf8Decoder();
  const checked = (given: unknown, made?: (value: unknown) => unknown): unknown => {
    let value = given;
    let problem = check(value);
    if (problem !== undefined && made) {
      value = made(given);
      problem = check(value);
    }
    if (problem !== undefined) throw new Error(problem);
    const way = fractions ? notFinite(value) : undefined;
    if (way !== undefined) {
      throw new Error(`${way ? `field ${way}` : "the value"} is not finite, which JSON cannot hold`);
    }
    return value;
  };
  const codec: Codec<unknown> = {
    name: "json",
    encode: (value) => encoder.encode(textOf(checked(value, plain))),
    decode: (bytes) => checked(parse(decodeUtf8(decoder, bytes))),
    decodeAscii: (text) => checked(parse(text)),
  };
  return codec as Codec<AvroValue<S>, AvroWritable<S>>;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, bigintAsNumber);
  }
}

/** Fields that the schema does not name may hold one, too. */
function bigintAsNumber(name: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = exactNumber(value);
  if (number !== undefined) return number;
  throw new Error(`field ${name} is ${value}n, which a number does not hold exactly`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw new Error(text === "" ? "the value is empty" : `not JSON: ${JSON.stringify(start)}`, { cause });
  }
}
