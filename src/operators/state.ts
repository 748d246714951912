/** A state as it is kept: as the text of JSON, so that one that comes from a checkpoint is like one that never left. */
import type { StateKey } from "./map_with_state.ts";

/** The most bytes of a state's text. */
const largestState = 64 * 1024;
/** The most bytes of a key's text: an entry of Postgres's index takes 2,704, with the group's and topic's names. */
const longestKey = 1_000;

const utf8 = new TextEncoder();

/**
 * A text that no other key has.
 *
 * @throws {TypeError} when it cannot be a key.
 */
export function keyText(key: StateKey): string {
  const parts: readonly unknown[] = Array.isArray(key) ? key : [key];
  for (const part of parts) {
    if (typeof part === "string" || typeof part === "boolean" || Number.isFinite(part)) continue;
    throw new TypeError(`the key is ${describe(part)}; it must be text, a finite number, or true or false`);
  }
  const text = JSON.stringify(key);
  const bytes = bytesOf(text, longestKey);
  if (bytes > longestKey) throw new TypeError(`the key has ${bytes} bytes; it may have ${longestKey}`);
  return text;
}

/**
 * A state as text. `what` is its name in errors.
 *
 * @throws {TypeError} when JSON cannot hold it, or it is too large.
 */
export function stateText(state: unknown, what = "state"): string {
  const wrong = notJson(state);
  if (wrong) throw new TypeError(`the ${what}${wrong} cannot be kept: it must be what JSON can hold`);
  const text = JSON.stringify(state);
  const bytes = bytesOf(text, largestState);
  if (bytes > largestState) {
    throw new TypeError(`the ${what} has ${bytes} bytes; it may have ${largestState}`);
  }
  return text;
}

/** How many bytes a text has in UTF-8; exact when they may be more than the limit. */
function bytesOf(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : utf8.encode(text).length;
}

/** What JSON would lose of a value and the way to it, as in `.readings[1] (NaN)`; undefined when nothing. */
function notJson(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : ` (${value})`;
    case "object":
      break;
    default:
      return ` (${describe(value)})`;
  }
  if (value === null) return undefined;
  if (depth > 100) return " (nested more than 100 deep, or in itself)";
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const inner = notJson(value[i], depth + 1);
      if (inner) return `[${i}]${inner}`;
    }
    return undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return ` (${describe(value)})`;
  for (const name of Object.keys(value)) {
    const each = (value as Record<string, unknown>)[name];
    // A property without a value is as if it were not there, in JSON as in the state's type.
    if (each === undefined) continue;
    const inner = notJson(each, depth + 1);
    if (inner) return `.${name}${inner}`;
  }
  return undefined;
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "object"}`;
  return typeof value === "function" ? "a function" : typeof value === "bigint" ? `${value}n` : String(value);
}
