import type { Operator } from "./operators/mod.ts";
import type { RepartitionOperator } from "./operators/repartition.ts";
import type { TransformOperator } from "./operators/transform.ts";
import type { UnionOperator } from "./operators/union.ts";
import { shown } from "./shown.ts";

/** Where rows of type `T` go. Plain data: what connects and writes is chosen when the process starts. */
export interface Sink<in T> {
  readonly kind: "cassandra" | "postgres" | "topic";
  /** The table's or topic's name, as given. */
  readonly name: string;
  /** Carries the type only; there is never a value. */
  readonly accepts?: (row: T) => void;
}

/** A step of a plan: an operator and the nodes whose values it takes; node 0 is the source. */
export interface PlanNode {
  /** Its place in the plan's nodes, from 1. A node's parents have smaller ids. */
  readonly id: number;
  /** One; a union has several. */
  readonly parents: readonly number[];
  readonly operator: Operator<never, unknown>;
}

/** A stream that ends in a sink. */
export interface Output {
  readonly node: number;
  readonly sink: Sink<never>;
  /** The pipeline's stage that the node is in, see {@linkcode StageDraft}; absent for the first. */
  readonly stage?: number;
}

/**
 * What of a pipeline works on the records of one topic, while its streams are made: the source's at first, and another
 * behind each `repartition`.
 */
export interface StageDraft {
  readonly nodes: PlanNode[];
  /** All that were made, be they among those that the pipeline has in the end or not. */
  readonly outputs: Output[];
  /** The `repartition` that it starts with, and the stage and the node whose values that takes; absent for the first. */
  readonly start?: {
    readonly stage: number;
    readonly node: number;
    readonly operator: RepartitionOperator<never, unknown>;
  };
}

/** A flow of values through a pipeline. Streams are made by `pipe` and never hold values themselves. */
export class Stream<out T> {
  readonly #stages: StageDraft[];
  readonly #stage: number;
  readonly #node: number;

  /** @internal Use {@linkcode pipeline}, which gives the first stream. */
  constructor(stages: StageDraft[], stage: number, node: number) {
    this.#stages = stages;
    this.#stage = stage;
    this.#node = node;
  }

  /** Passes every value through the operators, in order. Streams that share a prefix run it once. */
  pipe<A>(a: Operator<T, A>): Stream<A>;
  pipe<A, B>(a: Operator<T, A>, b: Operator<A, B>): Stream<B>;
  pipe<A, B, C>(a: Operator<T, A>, b: Operator<A, B>, c: Operator<B, C>): Stream<C>;
  pipe<A, B, C, D>(a: Operator<T, A>, b: Operator<A, B>, c: Operator<B, C>, d: Operator<C, D>): Stream<D>;
  pipe<A, B, C, D, E>(
    a: Operator<T, A>,
    b: Operator<A, B>,
    c: Operator<B, C>,
    d: Operator<C, D>,
    e: Operator<D, E>,
  ): Stream<E>;
  pipe<A, B, C, D, E, F>(
    a: Operator<T, A>,
    b: Operator<A, B>,
    c: Operator<B, C>,
    d: Operator<C, D>,
    e: Operator<D, E>,
    f: Operator<E, F>,
  ): Stream<F>;
  pipe(...operators: Operator<never, unknown>[]): Stream<unknown> {
    return operators.reduce<Stream<unknown>>((stream, operator) => stream.#through(operator), this);
  }

  #through(operator: Operator<never, unknown>): Stream<unknown> {
    if (typeof operator?.kind !== "string") {
      throw new TypeError(`pipe() takes operators, as map(...) gives one; it got ${shown(operator)}`);
    }
    if (isTransform(operator)) return this.#ownedBy(operator.name, operator.expand(this as Stream<unknown>));
    if (isRepartition(operator)) {
      this.#stages.push({
        nodes: [],
        outputs: [],
        start: { stage: this.#stage, node: this.#node, operator },
      });
      return new Stream(this.#stages, this.#stages.length - 1, 0);
    }
    const others = isUnion(operator)
      ? operator.streams.map((each) => this.#besides("union", each).#node)
      : [];
    const { nodes } = this.#stages[this.#stage]!;
    const id = nodes.length + 1;
    nodes.push({ id, parents: [this.#node, ...others], operator });
    return new Stream(this.#stages, this.#stage, id);
  }

  /** Streams of two pipelines have nothing to do with each other: they may run in other processes. */
  #ownedBy(operator: string, stream: Stream<unknown>): Stream<unknown> {
    if (!(stream instanceof Stream)) {
      throw new TypeError(
        `${operator}: its function gave ${
          shown(stream)
        }; return a stream, as in (stream) => stream.pipe(...)`,
      );
    }
    if (stream.#stages === this.#stages) return stream;
    throw new TypeError(
      `${operator}: a stream of another pipeline; use those that come from this one's source`,
    );
  }

  /** Streams on two sides of a `repartition` come from records of two topics. */
  #besides(operator: string, stream: Stream<unknown>): Stream<unknown> {
    if (this.#ownedBy(operator, stream).#stage === this.#stage) return stream;
    const starts = [this, stream].map((each) =>
      each.#stages[each.#stage]!.start?.operator.name ?? "the source"
    );
    throw new TypeError(
      `${operator}: one stream comes from ${starts[0]}, the other from ${starts[1]}; unite them first, and ` +
        "repartition what comes of it",
    );
  }

  /** Ends the stream in a sink. */
  to(sink: Sink<T>): Output {
    if (typeof sink?.kind !== "string" || typeof sink.name !== "string") {
      throw new TypeError(`to() takes a sink, as postgresTable(...) gives one; it got ${shown(sink)}`);
    }
    const to = { node: this.#node, sink: sink as Sink<never> };
    const output = this.#stage === 0 ? to : { ...to, stage: this.#stage };
    this.#stages[this.#stage]!.outputs.push(output);
    return output;
  }
}

function isTransform(operator: Operator<never, unknown>): operator is TransformOperator<unknown, unknown> {
  return operator.kind === "transform";
}

function isUnion(operator: Operator<never, unknown>): operator is UnionOperator<never, unknown> {
  return operator.kind === "union";
}

function isRepartition(
  operator: Operator<never, unknown>,
): operator is RepartitionOperator<never, unknown> {
  return operator.kind === "repartition";
}
