import { isColumnName } from "../columns.ts";
import type { Aggregate } from "./aggregate.ts";

/** The columns that every row of a window starts with. */
export const windowColumns = ["window_start", "window_end"] as const;

/** The columns of a result: its own, and those of what it is computed from. */
export function resultNames(name: string, { accumulators }: Aggregate<never, unknown>): string[] {
  return [...new Set([name, ...accumulators.map(({ suffix }) => name + suffix)])];
}

/**
 * Checks that results can be columns beside each other.
 *
 * @throws {TypeError} when a name cannot be one, or two results, or one and a window, would have one together.
 */
export function checkResultNames(
  compute: Readonly<Record<string, Aggregate<never, unknown>>>,
  hasWindow: boolean,
): void {
  const owners = new Map<string, string>();
  for (const name of hasWindow ? windowColumns : []) owners.set(name, "the window");
  for (const [name, aggregate] of Object.entries(compute)) {
    if (!isColumnName(name)) {
      throw new TypeError(
        `aggregate(): the result "${name}" must be lower case letters, digits and _ to be a column, at most 48 of them`,
      );
    }
    for (const column of resultNames(name, aggregate)) {
      const owner = owners.get(column);
      if (owner !== undefined) {
        throw new TypeError(
          `aggregate(): the result "${name}" needs a column "${column}", which is one of ${owner}; name it otherwise`,
        );
      }
      owners.set(column, `the result "${name}"`);
    }
  }
}
