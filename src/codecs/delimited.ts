import { shown } from "../shown.ts";
import type { Codec } from "./mod.ts";
import { decodeUtf8, encodeUtf8, utf8Decoder } from "./text.ts";

/** Field names to text. */
export type DelimitedRow<F extends readonly string[]> = { readonly [K in F[number]]: string };

/**
 * Text fields in a fixed order with a separator between them and no quoting, as in `name$address$year`.
 *
 * Encoding throws when a value holds the separator, since it could not be read back; decoding throws when the
 * number of fields is not right.
 *
 * @example
 * ```ts
 * import { delimited } from "weir";
 * const codec = delimited(["name", "year"], "$");
 * console.assert(codec.decode(new TextEncoder().encode("Ada$1815")).year === "1815");
 * ```
 */
export function delimited<const F extends readonly string[]>(
  fields: F,
  separator: string,
): Codec<DelimitedRow<F>> {
  if (!Array.isArray(fields) || fields.length === 0 || typeof separator !== "string" || separator === "") {
    throw new TypeError(
      'delimited(): give at least one field and a separator that is not empty, as in delimited(["name", "year"], "$")',
    );
  }
  const encoder = new TextEncoder();
  const decoder = utf8Decoder();
  const names: readonly (keyof DelimitedRow<F>)[] = fields;
  return {
    name: "delimited",
    encode(row) {
      const values = names.map((name) => {
        const value = row[name];
        if (typeof value !== "string") {
          throw new Error(`field ${String(name)} is ${shown(value)}, but only text can be written`);
        }
        if (value.includes(separator)) {
          throw new Error(
            `field ${String(name)} holds the separator "${separator}": ${JSON.stringify(value)}`,
          );
        }
        return value;
      });
      return encodeUtf8(encoder, values.join(separator));
    },
    decode(bytes) {
      const values = decodeUtf8(decoder, bytes).split(separator);
      if (values.length !== names.length) {
        throw new Error(
          `expected ${names.length} fields (${fields.join(separator)}), got ${values.length}: ${
            JSON.stringify(values.join(separator).slice(0, 200))
          }`,
        );
      }
      return Object.fromEntries(names.map((name, i) => [name, values[i]])) as DelimitedRow<F>;
    },
  };
}
