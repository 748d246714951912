import { avroCheck, type AvroSchema, type AvroValue } from "./avro.ts";
import { notFinite } from "./finite.ts";
import type { Codec } from "./mod.ts";
import { decodeUtf8, utf8Decoder } from "./text.ts";

/**
 * JSON text in UTF-8, checked against an Avro schema in both directions. Union values are plain (`"x"`, not
 * `{ "string": "x" }`): this is JSON as programs write it, not Avro's own JSON encoding.
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
export function json<const S extends AvroSchema>(schema: S): Codec<AvroValue<S>> {
  const check = avroCheck(schema);
  const fractions = /"(float|double)"/.test(JSON.stringify(schema));
  const encoder = new TextEncoder();
  const decoder = utf8Decoder();
  const checked = (value: unknown): unknown => {
    const problem = check(value);
    if (problem !== undefined) throw new Error(problem);
    const way = fractions ? notFinite(value) : undefined;
    if (way !== undefined) {
      throw new Error(`${way ? `field ${way}` : "the value"} is not finite, which JSON cannot hold`);
    }
    return value;
  };
  const codec: Codec<unknown> = {
    name: "json",
    encode: (value) => encoder.encode(JSON.stringify(checked(value))),
    decode: (bytes) => checked(parse(decodeUtf8(decoder, bytes))),
    decodeAscii: (text) => checked(parse(text)),
  };
  return codec as Codec<AvroValue<S>>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw new Error(text === "" ? "the value is empty" : `not JSON: ${JSON.stringify(start)}`, { cause });
  }
}
