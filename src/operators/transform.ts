import type { Stream } from "../stream.ts";
import { shown } from "../shown.ts";
import { nameOf, type Operator } from "./mod.ts";
import { checkFunction } from "./options.ts";

/** What `transform` makes. It has no step of its own: a plan holds the operators that it stands for. */
export interface TransformOperator<in I, out O> extends Operator<I, O> {
  readonly kind: "transform";
  readonly expand: (stream: Stream<I>) => Stream<O>;
}

/**
 * Makes one operator of several, in order, or of a function from stream to stream: a piece that pipelines can share.
 *
 * @throws {TypeError} when it gets anything else; in `pipe`, when the function gives no stream of the pipeline.
 *
 * @example
 * ```ts
 * import { filter, map, type Stream, transform, union } from "weir";
 * const words = transform(map((line: string) => line.trim()), filter((line) => line !== ""));
 * const withUpperCase = transform((lines: Stream<string>) =>
 *   lines.pipe(union(lines.pipe(map((line) => line.toUpperCase()))))
 * );
 * ```
 */
export function transform<I, O>(expand: (stream: Stream<I>) => Stream<O>): Operator<I, O>;
export function transform<I, A, O>(a: Operator<I, A>, b: Operator<A, O>): Operator<I, O>;
export function transform<I, A, B, O>(
  a: Operator<I, A>,
  b: Operator<A, B>,
  c: Operator<B, O>,
): Operator<I, O>;
export function transform<I, A, B, C, O>(
  a: Operator<I, A>,
  b: Operator<A, B>,
  c: Operator<B, C>,
  d: Operator<C, O>,
): Operator<I, O>;
export function transform(
  ...pieces: readonly [(stream: Stream<never>) => Stream<unknown>] | readonly Operator<never, unknown>[]
): Operator<never, unknown> {
  const [first] = pieces;
  if (typeof first === "function") {
    checkFunction("transform()", "fn", first, "(stream) => stream.pipe(...)");
  } else {
    for (const piece of pieces.length === 0 ? [undefined] : pieces) {
      if (typeof (piece as Operator<never, unknown> | undefined)?.kind === "string") continue;
      throw new TypeError(
        `transform(): it got ${
          shown(piece)
        }; give operators, or a function as in (stream) => stream.pipe(...)`,
      );
    }
  }
  const operator: TransformOperator<never, unknown> = typeof first === "function"
    ? { kind: "transform", name: nameOf(first, "transform"), expand: first }
    : {
      kind: "transform",
      name: "transform",
      expand: through(pieces as readonly Operator<never, unknown>[]),
    };
  return operator;
}

function through(operators: readonly Operator<never, unknown>[]) {
  return (stream: Stream<never>) =>
    operators.reduce<Stream<unknown>>(
      (before, operator) => before.pipe(operator as Operator<unknown, unknown>),
      stream,
    );
}
