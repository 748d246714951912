import { type Settings, settingsFlag, settingsText } from "./environment.ts";
import { type Flags, readFlags, type ValuesOf } from "./flags.ts";
import type { BenchServices } from "./services.ts";
import type { SparkSource } from "./spark/spark.ts";

/** What a benchmark runs with. */
export interface BenchRoom {
  /** The servers that are measured. */
  readonly services: BenchServices;
  /** Settings of Weir that differ from its defaults in all runs, as `--set` gives them. */
  readonly set: Settings;
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
  prepare(args: readonly string[]): (room: Omit<BenchRoom, "set">) => Promise<object>;
}

/** A benchmark whose `measure` gets the values of its flags. All have `--set`, and print and write what it gave. */
export function benchmark<const F extends Flags>(spec: {
  readonly name: string;
  readonly about: string;
  readonly flags: F;
  readonly measure: (values: ValuesOf<F>, room: BenchRoom) => Promise<object>;
}): Benchmark {
  const { name, about, measure } = spec;
  const flags = { ...spec.flags, set: settingsFlag };
  return {
    name,
    about,
    flags,
    prepare(args) {
      const values = readFlags(flags, args);
      const set = values.set as Settings;
      const changed = Object.keys(set).length > 0;
      return async (room) => {
        room.report(`Weir runs with its defaults${changed ? ` and ${settingsText(set)}` : ""}`);
        const found = await measure(values as ValuesOf<F>, { ...room, set });
        if (changed) room.report(`with ${settingsText(set)}`);
        return { set, ...found };
      };
    },
  };
}
