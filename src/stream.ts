import { isStateful } from "./operators/map_with_state.ts";
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

/** Where values of a pipeline come from: a node of one of its stages. */
interface Place {
  readonly stage: number;
  readonly node: number;
}

/**
 * What of a pipeline works on the records of one topic, while its streams are made: those of its sources at first, and
 * another behind each `repartition`.
 */
export interface StageDraft {
  /** What it starts with, for people: `the source`, `the source "payments"`, `repartition(by_card)`. */
  readonly name: string;
  readonly nodes: PlanNode[];
  /** All that were made, be they among those that the pipeline has in the end or not. */
  readonly outputs: Output[];
  /** The `repartition` that it starts with, and the places whose values that takes; absent for a source's. */
  readonly start?: {
    readonly from: readonly Place[];
    readonly operator: RepartitionOperator<never, unknown>;
  };
}

/** A flow of values through a pipeline. Streams are made by `pipe` and never hold values themselves. */
export class Stream<out T> {
  readonly #stages: StageDraft[];
  /** One, or after a `union` of streams of several stages one in each of them. */
  readonly #places: readonly Place[];

  /** @internal Use {@linkcode pipeline}, which gives the first streams. */
  constructor(stages: StageDraft[], ...places: readonly Place[]) {
    this.#stages = stages;
    this.#places = places;
  }

  /** @internal What the stages start with that its values are in, for people; several after a `union` of such streams. */
  get origins(): readonly string[] {
    return this.#places.map(({ stage }) => this.#stages[stage]!.name);
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
      const { name } = operator;
      this.#stages.push({ name, nodes: [], outputs: [], start: { from: this.#places, operator } });
      return new Stream(this.#stages, { stage: this.#stages.length - 1, node: 0 });
    }
    if (isUnion(operator)) return this.#united(operator);
    if (isStateful(operator) || operator.kind === "aggregate") this.#onlyPlace(operator.name);
    return new Stream(
      this.#stages,
      ...this.#places.map(({ stage, node }) => this.#add(stage, [node], operator)),
    );
  }

  /** Streams of one stage become one there; those of several stages stay apart until a topic brings them together. */
  #united(operator: UnionOperator<never, unknown>): Stream<unknown> {
    const others = operator.streams.map((each) => this.#ownedBy("union", each));
    const places = [this, ...others].flatMap((stream) => stream.#places);
    const united = Array.from(Map.groupBy(places, ({ stage }) => stage), ([stage, within]) => {
      const [only, ...more] = within;
      return more.length === 0 ? only! : this.#add(stage, within.map(({ node }) => node), operator);
    });
    return new Stream(this.#stages, ...united);
  }

  #add(stage: number, parents: readonly number[], operator: Operator<never, unknown>): Place {
    const { nodes } = this.#stages[stage]!;
    const id = nodes.length + 1;
    nodes.push({ id, parents, operator });
    return { stage, node: id };
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

  /** What keeps states, adds up or writes works on the records of one topic. */
  #onlyPlace(what: string): Place {
    const [place, ...more] = this.#places;
    if (more.length === 0) return place!;
    const from = this.origins.join(" and ");
    throw new TypeError(
      `${what}: its values come from ${from}, and meet in no topic yet; bring them together before it, as in ` +
        'repartition("topic", { key, codec })',
    );
  }

  /** Ends the stream in a sink. */
  to(sink: Sink<T>): Output {
    if (typeof sink?.kind !== "string" || typeof sink.name !== "string") {
      throw new TypeError(`to() takes a sink, as postgresTable(...) gives one; it got ${shown(sink)}`);
    }
    const { stage, node } = this.#onlyPlace(`${sink.kind} "${sink.name}"`);
    const output = { node, sink: sink as Sink<never>, ...(stage > 0 && { stage }) };
    this.#stages[stage]!.outputs.push(output);
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
