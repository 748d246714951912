import { shown } from "./shown.ts";

/** A length of time: milliseconds, or a number with a unit: `250ms`, `30s`, `5m`, `1h`, `7d`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A duration in milliseconds.
 *
 * @throws {TypeError} when it is not a positive, finite length of whole milliseconds.
 *
 * @example
 * ```ts
 * import { milliseconds } from "weir";
 * console.assert(milliseconds("5m") === 300_000);
 * ```
 */
export function milliseconds(duration: Duration): number {
  const match = typeof duration === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : null;
  const value = match ? Number(match[1]) * (units[match[2]!] ?? NaN) : duration;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value <= 0) {
    throw new TypeError(
      `${
        shown(duration)
      } is not a duration: give milliseconds above 0, or a number with ms, s, m, h or d, as in "5m"`,
    );
  }
  return value;
}
