import type { Offset } from "../record.ts";

/** Where the value that an operator works on came from. */
export interface RecordContext {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  /** Milliseconds since 1970, as the record's producer or the broker stamped it. */
  readonly timestamp: number;
  /** When it happened, milliseconds since 1970: what windows are cut by. The timestamp unless the source says otherwise. */
  readonly eventTime: number;
}

/**
 * A step of a pipeline: takes values of type `I`, gives values of type `O`. Operators are plain data with functions
 * in them; they run in the workers, must not keep anything between calls, and whatever they throw sends the
 * record, whole, to the dead letters with the operator's name.
 */
export interface Operator<in I, out O> {
  /** What it does, as written in the pipeline: `map`, `filter`, ... */
  readonly kind: string;
  /** The name of the user's function, for dead letters and plans; the kind when it has none. */
  readonly name: string;
  /** Carries the types only; there is never a value. */
  readonly types?: (input: I) => O;
}

/** An operator that works on each record by itself, calling `emit` for every value that goes on. */
export interface RecordOperator<in I, out O> extends Operator<I, O> {
  readonly apply: (value: I, emit: (value: O) => void, record: RecordContext) => void;
}

/** What an operator throws for a record that it refuses; it lands in the dead letters with this message. */
export class InvalidRecord extends Error {
  override readonly name = "InvalidRecord";
}

/**
 * What a function of the pipeline gave. A promise is refused: nothing waits for it, and it would be taken for a value.
 *
 * @throws {InvalidRecord} for a promise.
 */
export function atOnce<T>(given: T): T {
  if (!(given instanceof Promise)) return given;
  // It is refused already, whatever comes of it.
  given.catch(() => {});
  throw new InvalidRecord(
    "the function gave a promise, but nothing waits for one; it must give its result at once",
  );
}

/** The name of a user's function, or the operator's kind for one without. */
// deno-lint-ignore ban-types -- any function has a name, whatever it takes
export function nameOf(fn: Function, kind: string): string {
  return fn.name === "" ? kind : `${kind}(${fn.name})`;
}
