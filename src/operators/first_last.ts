import type { Aggregate } from "./aggregate.ts";
import { atOnce, type RecordContext } from "./mod.ts";
import { checkFunction } from "./options.ts";
import type { Merge, Picked } from "../merge.ts";

/** The values that a result can have, by its column's type. */
export interface PickedValues {
  text: string;
  int: number;
  bigint: bigint;
  double: number;
  boolean: boolean;
  timestamp: Date;
}

/** The column types that `first` and `last` can give. */
export type PickedType = keyof PickedValues;

/**
 * A value of the record with the smallest event time. Of records with the same one, the one of the smaller partition
 * counts, and within it the smaller offset.
 *
 * @param type The type of the result's column.
 *
 * @example
 * ```ts
 * import { aggregate, first, last } from "weir";
 * const trip = aggregate({
 *   by: (seen: { car: string; town: string }) => ({ car: seen.car }),
 *   compute: { from: first("text", (seen) => seen.town), to: last("text", (seen) => seen.town) },
 * });
 * ```
 */
export function first<I, T extends PickedType>(
  type: T,
  of: (value: I, record: RecordContext) => PickedValues[T],
): Aggregate<I, PickedValues[T]> {
  return picked("first", type, of);
}

/**
 * A value of the record with the largest event time; otherwise as {@linkcode first}.
 *
 * @param type The type of the result's column.
 *
 * @example
 * ```ts
 * import { aggregate, last } from "weir";
 * const seen = aggregate({
 *   by: (login: { user: string; address: string }) => ({ user: login.user }),
 *   compute: {
 *     address: last("text", (login) => login.address),
 *     at: last("timestamp", (_, record) => new Date(record.eventTime)),
 *   },
 * });
 * ```
 */
export function last<I, T extends PickedType>(
  type: T,
  of: (value: I, record: RecordContext) => PickedValues[T],
): Aggregate<I, PickedValues[T]> {
  return picked("last", type, of);
}

function picked<I, T extends PickedType>(
  kind: "first" | "last",
  type: T,
  of: (value: I, record: RecordContext) => PickedValues[T],
): Aggregate<I, PickedValues[T]> {
  if (!Object.hasOwn(picks, type)) {
    throw new TypeError(`${kind}("${type}"): give one of ${Object.keys(picks).join(", ")}`);
  }
  checkFunction(`${kind}("${type}")`, "of", of, "(seen) => seen.town");
  const { keep, expression, read = same } = picks[type];
  const merge: Merge = kind;
  return {
    kind,
    accumulators: [{ suffix: `_${kind}`, type: "json", merge }],
    measure: (value, record) => {
      const given = atOnce(of(value, record));
      const kept = keep(given as never);
      if (kept === undefined) throw new TypeError(`needs a value for a ${type} column, got ${String(given)}`);
      return [[record.eventTime, record.partition, record.offset, kept]];
    },
    result: { expression, of: ([, , , kept]: Picked) => read(kept as never), type, optional: false },
  };
}

/** What is kept of a value, as JSON can hold it, or undefined for one that will not do; and how it is read back. */
interface Pick {
  readonly keep: (value: never) => string | number | boolean | undefined;
  readonly expression: string;
  /** Default: what was kept is the value. */
  readonly read?: (kept: never) => unknown;
}

const same = (kept: unknown) => kept;

const text = "($0->>3)";
const largest = 2n ** 63n;

const picks: { readonly [T in PickedType]: Pick } = {
  text: {
    keep: (value: string) => typeof value === "string" && !value.includes("\0") ? value : undefined,
    expression: text,
  },
  int: { keep: (value: number) => (value | 0) === value ? value : undefined, expression: `${text}::integer` },
  bigint: {
    keep: (value: bigint) =>
      typeof value === "bigint" && value >= -largest && value < largest ? String(value) : undefined,
    expression: `${text}::bigint`,
    read: (kept: string) => BigInt(kept),
  },
  double: {
    keep: (value: number) => Number.isFinite(value) ? value : undefined,
    expression: `${text}::double precision`,
  },
  boolean: {
    keep: (value: boolean) => typeof value === "boolean" ? value : undefined,
    expression: `${text}::boolean`,
  },
  timestamp: {
    keep: (value: Date) => value instanceof Date && isInCalendar(value) ? value.getTime() : undefined,
    expression: `to_timestamp(${text}::double precision / 1000)`,
    read: (kept: number) => new Date(kept),
  },
};

/** A value as text that Postgres casts to the type; undefined for one that will not do. */
export function postgresText(type: PickedType, value: unknown): string | undefined {
  const kept = picks[type].keep(value as never);
  return kept === undefined || type !== "timestamp"
    ? kept?.toString()
    : new Date(kept as number).toISOString();
}

/** Years that every database holds. */
function isInCalendar(date: Date): boolean {
  return date.getTime() >= Date.parse("0001-01-01T00:00:00Z") && date.getTime() < Date.UTC(10_000, 0, 1);
}
