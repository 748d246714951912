import { type Duration, milliseconds } from "../duration.ts";
import { shown } from "../shown.ts";

/**
 * How time is cut into windows. All but sessions are aligned to 1970-01-01T00:00:00Z; a start belongs to its window, an
 * end does not.
 */
export interface Window {
  readonly kind: "tumbling" | "sliding" | "session";
  /** Milliseconds from a window's start to its end; of a session, from its last record to its end. */
  readonly size: number;
  /** Milliseconds from one window's start to the next one's; 0 for sessions. */
  readonly slide: number;
}

/**
 * Windows of one size, one after the other: each record is in exactly one.
 *
 * @throws {TypeError} when the size is not a positive duration of at most 100 years.
 *
 * @example
 * ```ts
 * import { tumbling } from "weir";
 * const perMinute = tumbling("1m");
 * ```
 */
export function tumbling(size: Duration): Window {
  const length = lengthOf(`tumbling("${size}")`, "size", size);
  return { kind: "tumbling", size: length, slide: length };
}

/**
 * Windows of one size that start every `slide`, so that they overlap and a record is in several.
 *
 * @throws {TypeError} when one of the two is not a positive duration of at most 100 years, `slide` is larger than `size`, so
 * that records between two windows would belong to none, or so small that a record is in more than 1,440 windows: each
 * costs as much as a record does.
 *
 * @example
 * ```ts
 * import { sliding } from "weir";
 * const lastFiveMinutes = sliding("5m", "30s");
 * ```
 */
export function sliding(size: Duration, slide: Duration): Window {
  const what = `sliding("${size}", "${slide}")`;
  const window: Window = {
    kind: "sliding",
    size: lengthOf(what, "size", size),
    slide: lengthOf(what, "slide", slide),
  };
  if (window.slide > window.size) {
    throw new TypeError(`${what}: the slide is larger than the size, so records would fall between windows`);
  }
  const windows = Math.ceil(window.size / window.slide);
  if (windows > mostWindows) {
    throw new TypeError(
      `${what}: each record would be in ${windows} windows; at most ${mostWindows} will do, so give a larger slide`,
    );
  }
  return window;
}

/**
 * Windows that last for as long as a key has records: one ends when the key had none for `gap`, and each key has its own.
 * A record less than `gap` before or after a session belongs to it, and one between two sessions may make them one.
 *
 * @throws {TypeError} when the gap is not a positive duration of at most 100 years.
 *
 * @example
 * ```ts
 * import { session } from "weir";
 * const visits = session("30m");
 * ```
 */
export function session(gap: Duration): Window {
  return { kind: "session", size: lengthOf(`session("${gap}")`, "gap", gap), slide: 0 };
}

/** How many windows a record can be in: a day's, minute by minute. */
const mostWindows = 1_440;

/** 100 years, in milliseconds: with longer ones, bounds of windows would be times that databases cannot hold. */
const longest = 36_525 * 86_400_000;

function lengthOf(what: string, name: string, duration: Duration): number {
  const length = milliseconds(duration);
  if (length <= longest) return length;
  throw new TypeError(`${what}: the ${name} is longer than 100 years; give at most "36525d"`);
}

/** Refuses what is given for a window but is none. */
export function checkWindow(what: string, window: Window | undefined): void {
  if (window === undefined) return;
  const { kind, size } = (window ?? {}) as Partial<Window>;
  if (!["tumbling", "sliding", "session"].includes(kind!) || typeof size !== "number") {
    throw new TypeError(`${what}: "window" is ${shown(window)}; give one, as in tumbling("1m")`);
  }
  if (size > longest) throw new TypeError(`${what}: "window" is ${size} ms long; give at most 36525d`);
}

/** The starts of all windows that hold a time, in milliseconds since 1970, earliest first; of a window that is no session. */
export function windowStarts(window: Window, time: number): number[] {
  const last = Math.floor(time / window.slide) * window.slide;
  const starts: number[] = [];
  for (let start = last; start > time - window.size; start -= window.slide) starts.push(start);
  return starts.reverse();
}
