import avro from "avsc";
import { type AvroSchema, avroType } from "./avro.ts";

/**
 * Makes of values what JSON can hold and a schema says: of a bigint that is exact as a number one, where the schema has
 * `int` or `long`; of a `Date` milliseconds since 1970 where it has `long`, microseconds if its logical type is
 * `timestamp-micros`. Everything else stays what it is, for the check to judge.
 *
 * @throws {TypeError} when the schema is not valid Avro.
 */
export function avroPlain(schema: AvroSchema): (value: unknown) => unknown {
  const ticks = new Map<avro.Type, number>();
  // avsc forgets logical types that it is not told of: those of a long become types that are known again here.
  const type = avroType(schema, (part) => {
    const { type, logicalType } = part as { type?: unknown; logicalType?: unknown };
    if (type !== "long" || typeof logicalType !== "string") return undefined;
    const long = avro.Type.forSchema("long");
    ticks.set(long, ticksPerMillisecond[logicalType.replace(/^local-/, "")] ?? NaN);
    return long;
  });
  return (value) => plain(type, value, ticks);
}

/** By logical type. A `Date` is none of the others. */
const ticksPerMillisecond: Readonly<Record<string, number>> = {
  "timestamp-millis": 1,
  "timestamp-micros": 1_000,
};

function plain(type: avro.Type, value: unknown, ticks: ReadonlyMap<avro.Type, number>): unknown {
  if (typeof value === "bigint") {
    if (type.typeName === "int") return Number(value);
    if (type.typeName === "long") return exactNumber(value) ?? value;
  }
  if (value instanceof Date && type.typeName === "long") {
    const time = value.getTime() * (ticks.get(type) ?? 1);
    return Number.isNaN(time) ? value : time;
  }
  if (type instanceof avro.types.UnwrappedUnionType) {
    const made = type.types.map((branch) => ({ branch, value: plain(branch, value, ticks) }));
    return made.find(({ branch, value }) => branch.isValid(value))?.value ?? value;
  }
  if (typeof value !== "object" || value === null) return value;
  const inner = (each: avro.Type) => (value: unknown) => plain(each, value, ticks);
  if (type instanceof avro.types.ArrayType && Array.isArray(value)) return value.map(inner(type.itemsType));
  if (type instanceof avro.types.MapType) {
    return withEach(value, Object.keys(value), () => inner(type.valuesType));
  }
  if (type instanceof avro.types.RecordType) {
    const types = new Map(type.fields.map(({ name, type }) => [name, inner(type)]));
    const names = Object.keys(value).filter((name) => types.has(name));
    return withEach(value, names, (name) => types.get(name)!);
  }
  return value;
}

/** A copy with some of its fields made anew. */
function withEach(
  value: object,
  names: readonly string[],
  make: (name: string) => (value: unknown) => unknown,
): object {
  const fields = Object.fromEntries(Object.entries(value));
  for (const name of names) fields[name] = make(name)(fields[name]);
  return fields;
}

/** A bigint as the number that it is; undefined for one that a number does not hold exactly. */
export function exactNumber(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}
