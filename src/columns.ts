import { shown } from "./shown.ts";

/**
 * The types a column can have, the same for every table that Weir writes:
 *
 * | type        | value in TypeScript        | Postgres           | Cassandra   |
 * | ----------- | -------------------------- | ------------------ | ----------- |
 * | `text`      | `string`                   | `text`             | `text`      |
 * | `uuid`      | `string`, canonical        | `uuid`             | `uuid`      |
 * | `int`       | `number`, 32 bits          | `integer`          | `int`       |
 * | `bigint`    | `bigint` or safe `number`  | `bigint`           | `bigint`    |
 * | `double`    | `number`                   | `double precision` | `double`    |
 * | `boolean`   | `boolean`                  | `boolean`          | `boolean`   |
 * | `timestamp` | `Date` or ms since 1970    | `timestamptz`      | `timestamp` |
 * | `date`      | `string`, `YYYY-MM-DD`     | `date`             | `date`      |
 * | `json`      | any JSON value             | `jsonb`            | `text`      |
 * | `bytes`     | `Uint8Array`               | `bytea`            | `blob`      |
 *
 * A `?` behind the type (`"text?"`) lets the value be null or absent.
 */
export type ColumnType =
  | "text"
  | "uuid"
  | "int"
  | "bigint"
  | "double"
  | "boolean"
  | "timestamp"
  | "date"
  | "json"
  | "bytes";

export type Column = ColumnType | `${ColumnType}?`;

/** Column names to types, in the table's order. Write it `as const`, so that row types can be derived. */
export type Columns = Readonly<Record<string, Column>>;

interface ColumnValues {
  text: string;
  uuid: string;
  int: number;
  bigint: bigint | number;
  double: number;
  boolean: boolean;
  timestamp: Date | number;
  date: string;
  json: JsonValue;
  bytes: Uint8Array;
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

type OptionalNames<C extends Columns> = {
  [K in keyof C]: C[K] extends `${string}?` ? K : never;
}[keyof C];

type ValueOf<C extends Column> = C extends `${infer T extends ColumnType}?` ? ColumnValues[T]
  : C extends ColumnType ? ColumnValues[C]
  : never;

/** The row that a table of these columns takes. */
export type RowOf<C extends Columns> =
  & { readonly [K in Exclude<keyof C, OptionalNames<C>>]: ValueOf<C[K]> }
  & { readonly [K in OptionalNames<C>]?: ValueOf<C[K]> | null | undefined };

/** One column, taken apart. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  readonly optional: boolean;
}

export function columnSpecs(columns: Columns): ColumnSpec[] {
  return Object.entries(columns).map(([name, column]) => {
    const optional = column.endsWith("?");
    return { name, type: (optional ? column.slice(0, -1) : column) as ColumnType, optional };
  });
}

const columnTypes: ReadonlySet<string> = new Set<ColumnType>([
  "text",
  "uuid",
  "int",
  "bigint",
  "double",
  "boolean",
  "timestamp",
  "date",
  "json",
  "bytes",
]);

/** Whether a column can have this name, in each of the databases. */
export function isColumnName(name: string): boolean {
  return /^[a-z_][a-z0-9_]{0,47}$/.test(name);
}

/** What is wrong with a table's columns and key, in words; empty when they fit. */
export function columnProblems(columns: Columns, key: readonly string[]): string[] {
  const misfits = misfitsOf(columns, key);
  if (misfits.length > 0) return misfits;
  const problems: string[] = [];
  const specs = columnSpecs(columns);
  if (specs.length === 0) problems.push("has no columns");
  for (const { name, type } of specs) {
    if (!isColumnName(name)) {
      problems.push(`column "${name}" must be lower case letters, digits and _, at most 48 of them`);
    }
    if (!columnTypes.has(type)) {
      problems.push(
        `column "${name}" has the unknown type "${type}"; use one of ${[...columnTypes].join(", ")}`,
      );
    }
  }
  if (key.length === 0) problems.push("has no key; name the columns that identify a row");
  for (const [i, name] of key.entries()) {
    if (key.indexOf(name) < i) problems.push(`key column "${name}" is named twice`);
    const spec = specs.find((column) => column.name === name);
    if (!spec) problems.push(`key column "${name}" is not among its columns`);
    else if (spec.optional) problems.push(`key column "${name}" cannot be optional`);
    else if (spec.type === "json") problems.push(`key column "${name}" cannot be json`);
  }
  return problems;
}

/** What the compiler refuses, for modules that run without having been checked by it. */
function misfitsOf(columns: unknown, key: unknown): string[] {
  const problems: string[] = [];
  if (typeof columns !== "object" || columns === null || Array.isArray(columns)) {
    problems.push(`has the columns ${shown(columns)}; give names and types, as in { id: "text" }`);
  } else {
    for (const [name, type] of Object.entries(columns)) {
      if (typeof type === "string") continue;
      problems.push(`column "${name}" has the type ${shown(type)}; give one as text, as in "int"`);
    }
  }
  if (!Array.isArray(key)) problems.push(`has the key ${shown(key)}; give a list of columns, as in ["id"]`);
  return problems;
}
