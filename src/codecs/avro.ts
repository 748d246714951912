import avro from "avsc";

/** An Avro schema as its specification writes it in JSON, of the parts that Weir derives types from. */
export type AvroSchema = string | readonly AvroSchema[] | {
  readonly type: string | AvroSchema;
  readonly name?: string;
  readonly fields?: readonly {
    readonly name: string;
    readonly type: AvroSchema;
    readonly default?: unknown;
  }[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly symbols?: readonly string[];
  readonly [attribute: string]: unknown;
};

interface Primitives {
  null: null;
  boolean: boolean;
  int: number;
  long: number;
  float: number;
  double: number;
  string: string;
  bytes: Uint8Array;
}

/**
 * The type of values that a schema, written `as const`, describes.
 *
 * @example
 * ```ts
 * import type { AvroValue } from "weir";
 * const schema = { type: "record", name: "Point", fields: [{ name: "x", type: "double" }] } as const;
 * const point: AvroValue<typeof schema> = { x: 1.5 };
 * console.assert(point.x === 1.5);
 * ```
 */
export type AvroValue<S> = AvroTyped<S, Primitives>;

/**
 * The type of values that can be written by a schema: those that it describes, and where it says `int` a bigint, where it
 * says `long` a bigint or a `Date`, see `avroPlain`.
 */
export type AvroWritable<S> = AvroTyped<S, WritablePrimitives>;

interface WritablePrimitives extends Omit<Primitives, "int" | "long"> {
  readonly int: number | bigint;
  readonly long: number | bigint | Date;
}

/** The type of values of a schema, given those of the primitive types. */
type AvroTyped<S, P> = S extends keyof P ? P[S]
  : S extends readonly unknown[] ? AvroTyped<S[number], P>
  : S extends { readonly type: "record"; readonly fields: infer F } ? AvroTypedRecord<F, P>
  : S extends { readonly type: "array"; readonly items: infer I } ? readonly AvroTyped<I, P>[]
  : S extends { readonly type: "map"; readonly values: infer V } ? { readonly [key: string]: AvroTyped<V, P> }
  : S extends { readonly type: "enum"; readonly symbols: readonly (infer E)[] } ? E
  : S extends { readonly type: infer T } ? AvroTyped<T, P>
  : unknown;

type AvroTypedRecord<F, P> = F extends readonly { readonly name: string; readonly type: unknown }[]
  ? { readonly [E in F[number] as E["name"]]: AvroTyped<E["type"], P> }
  : unknown;

/** Says what does not fit the schema; undefined when the value does. */
export type AvroCheck = (value: unknown) => string | undefined;

/**
 * A check of plain JavaScript values against an Avro schema. Fields that the schema does not name are let through,
 * as Avro's resolution does for a reader.
 *
 * @throws {TypeError} when the schema is not valid Avro.
 */
export function avroCheck(schema: AvroSchema): AvroCheck {
  const type = avroType(schema);
  return (value) => {
    const problems: string[] = [];
    try {
      if (type.isValid(value)) return undefined;
      type.isValid(value, {
        errorHook(path: string[], at: unknown, expected: avro.Type) {
          const where = path.length === 0 ? "the value" : `field ${path.join(".")}`;
          problems.push(`${where} should be ${describe(expected)}, is ${show(at)}`);
        },
      });
    } catch (error) {
      // Where the schema says int, avsc does arithmetic with what it finds, and fails with a bigint.
      if (!(error instanceof TypeError)) throw error;
    }
    return problems.slice(0, 3).join("; ") || "it does not fit the schema";
  };
}

/**
 * Makes avsc's type of a schema.
 *
 * @param hook Gives a type for a part of the schema, or undefined to leave it to avsc.
 * @throws {TypeError} when the schema is not valid Avro.
 */
export function avroType(
  schema: AvroSchema,
  hook?: (part: avro.Schema) => avro.Type | undefined,
): avro.Type {
  try {
    // Plain values only: a union whose branches these cannot tell apart is refused here, not on every record.
    return avro.Type.forSchema(schema as avro.Schema, {
      wrapUnions: "never",
      ...(hook && { typeHook: hook as avro.ForSchemaOptions["typeHook"] }),
    });
  } catch (cause) {
    throw new TypeError(`the Avro schema is not valid: ${(cause as Error).message}`, { cause });
  }
}

function describe(type: avro.Type): string {
  const schema: unknown = type.schema();
  if (typeof schema === "string") return schema;
  if (Array.isArray(schema)) {
    return schema.map((each) => typeof each === "string" ? each : each.type).join(" or ");
  }
  return String((schema as { type: unknown }).type);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
