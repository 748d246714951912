import type { Stream } from "../stream.ts";
import { shown } from "../shown.ts";
import type { Operator, RecordOperator } from "./mod.ts";

/** What `union` makes: a step whose values come from several others. */
export interface UnionOperator<in I, out O> extends RecordOperator<I, O> {
  readonly kind: "union";
  readonly streams: readonly Stream<unknown>[];
}

/**
 * Adds the values of other streams of the same pipeline. Those that come from one topic go on together: a record may bring
 * several values then, in the order in which their streams were made. Those that come from different topics are worked on
 * by the same operators, each beside the others, until a `repartition` brings them into one.
 *
 * @throws {TypeError} when there are no others or one is no stream, and in `pipe` for a stream of another pipeline.
 *
 * @example
 * ```ts
 * import { filter, map, type Stream, union } from "weir";
 * function readable(lines: Stream<string>): Stream<string> {
 *   const long = lines.pipe(filter((line) => line.length > 80), map((line) => line.slice(0, 80)));
 *   return lines.pipe(filter((line) => line.length <= 80), union(long));
 * }
 * ```
 */
export function union<I, O>(...streams: readonly Stream<O>[]): Operator<I, I | O> {
  if (streams.length === 0) {
    throw new TypeError("union(): give at least one other stream, as in union(others)");
  }
  for (const stream of streams) {
    if (typeof stream?.pipe === "function") continue;
    throw new TypeError(
      `union(): it got ${shown(stream)}; give streams of the pipeline, as in union(others)`,
    );
  }
  const operator: UnionOperator<I, I | O> = {
    kind: "union",
    name: "union",
    streams,
    apply: (value, emit) => emit(value),
  };
  return operator;
}
