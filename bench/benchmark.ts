import { type Flags, readFlags, type ValuesOf } from "./flags.ts";
import type { BenchServices } from "./services.ts";
import type { SparkSource } from "./spark/spark.ts";

/** What a benchmark runs with. */
export interface BenchRoom {
  /** The servers that are measured. */
  readonly services: BenchServices;
  /** Spark, or why there is none; installs it on the first call. */
  readonly spark: SparkSource;
  /** Says something to who watches. */
  readonly report: (line: string) => void;
}

export interface Benchmark {
  readonly name: string;
  /** What it measures, in one line. */
  readonly about: string;
  readonly flags: Flags;
  /**
   * Reads the flags, and gives what measures and resolves with the results, which are written as JSON.
   *
   * @throws {UsageError} when a flag is wrong.
   */
  prepare(args: readonly string[]): (room: BenchRoom) => Promise<unknown>;
}

/** A benchmark whose `measure` gets the values of its flags. */
export function benchmark<const F extends Flags>(spec: {
  readonly name: string;
  readonly about: string;
  readonly flags: F;
  readonly measure: (values: ValuesOf<F>, room: BenchRoom) => Promise<unknown>;
}): Benchmark {
  const { name, about, flags, measure } = spec;
  return {
    name,
    about,
    flags,
    prepare(args) {
      const values = readFlags(flags, args);
      return (room) => measure(values, room);
    },
  };
}
