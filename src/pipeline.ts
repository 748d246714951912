import { ConfigError } from "./errors.ts";
import { checkFunction, checkOptions } from "./operators/options.ts";
import type { Pipeline, Schedule, Source } from "./plan.ts";
import { listProblems, planProblems } from "./plan_problems.ts";
import { shown } from "./shown.ts";
import { cutIntoStages } from "./stages.ts";
import { type Output, type Sink, type StageDraft, Stream } from "./stream.ts";

export {
  aggregateOf,
  isAggregate,
  isBehindRepartition,
  isRecordTopic,
  keepsStates,
  stageNamed,
  stagesOf,
} from "./plan.ts";
export type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";

/** Streams of a pipeline's further sources, by their names. */
type Streams<S extends object> = { readonly [N in keyof S]: Stream<S[N]> };

/** The layers of a pipeline. */
export interface PipelineOptions<T, S extends object = Record<never, never>> {
  /** When a producer writes to the `source`, and which. */
  readonly schedule?: Schedule<NoInfer<T>>;
  readonly source: Source<T>;
  /**
   * Further topics to read, each under a name. They have groups, positions, watermarks and dead letters of their own.
   * Streams of several sources meet in a topic: by `joinWithin` with `through`, or by `union` and `repartition`.
   */
  readonly sources?: { readonly [N in keyof S]: Source<S[N]> };
  /** Gets the stream of `source`, and those of the further sources by their names. */
  readonly outputs: (stream: Stream<T>, others: Streams<S>) => readonly Output[];
  /**
   * Where records go that fail to decode, to validate or to be written. Default: `<topic>.dead-letter` for each source;
   * what fails behind a `repartition` goes to that of the first one before it.
   */
  readonly deadLetter?: Sink<never>;
}

/**
 * Describes a pipeline. Nothing is connected or started.
 *
 * @throws {ConfigError} with everything that cannot be right about it.
 *
 * @example
 * ```ts
 * import { json, kafka, map, pipeline, postgresTable } from "weir";
 *
 * const schema = { type: "record", name: "Reading", fields: [{ name: "sensor", type: "string" }] } as const;
 * export default pipeline("readings", {
 *   source: kafka("readings", { group: "weir-readings", codec: json(schema) }),
 *   outputs: (stream) => [
 *     stream.pipe(map((reading) => ({ sensor: reading.sensor.toLowerCase() })))
 *       .to(postgresTable("sensors", { columns: { sensor: "text" }, key: ["sensor"] })),
 *   ],
 * });
 * ```
 */
export function pipeline<T, S extends object = Record<never, never>>(
  name: string,
  options: PipelineOptions<T, S>,
): Pipeline<T, S> {
  const what = `pipeline "${name}"`;
  checkOptions(what, options, ["schedule", "source", "sources", "outputs", "deadLetter"]);
  const { schedule, source, sources } = options;
  checkSource(what, "source", source);
  if (sources !== undefined) checkSources(what, sources);
  if (schedule !== undefined) checkOptions(`${what}: "schedule"`, schedule, ["cron", "produce", "atStart"]);
  checkFunction(what, "outputs", options.outputs, "(stream) => [stream.to(...)]");
  if (options.deadLetter !== undefined && options.deadLetter?.kind !== "topic") {
    throw new TypeError(`${what}: "deadLetter" is ${shown(options.deadLetter)}; give topic("name")`);
  }
  const names = Object.keys(sources ?? {});
  const drafts: StageDraft[] = ["the source", ...names.map((each) => `the source "${each}"`)]
    .map((name) => ({ name, nodes: [], outputs: [] }));
  const [stream, ...others] = drafts.map((_, stage) => new Stream<never>(drafts, { stage, node: 0 }));
  const outputs = options.outputs(
    stream as Stream<T>,
    Object.fromEntries(names.map((each, i) => [each, others[i]])) as unknown as Streams<S>,
  );
  if (!Array.isArray(outputs)) {
    throw new TypeError(
      `${what}: "outputs" gave ${shown(outputs)}; return a list, as in (stream) => [stream.to(...)]`,
    );
  }
  refuse(what, listProblems(outputs, drafts.flatMap((draft) => draft.outputs)));
  const whole = {
    name,
    ...(schedule && { schedule }),
    source,
    ...(sources && { sources }),
    ...(options.deadLetter && { deadLetter: options.deadLetter.name }),
  };
  const plan = cutIntoStages<T, S>(whole, drafts, outputs);
  refuse(what, planProblems(plan));
  return plan;
}

function checkSource(what: string, name: string, source: Source<unknown> | undefined): void {
  if (typeof source?.topic === "string") return;
  throw new TypeError(`${what}: "${name}" is ${shown(source)}; give one, as in kafka(...)`);
}

function checkSources(what: string, sources: object): void {
  if (typeof sources !== "object" || sources === null || Array.isArray(sources)) {
    throw new TypeError(
      `${what}: "sources" is ${shown(sources)}; give them by name, as in { payments: kafka(...) }`,
    );
  }
  for (const [name, source] of Object.entries(sources)) checkSource(what, `sources.${name}`, source);
}

/** @throws {ConfigError} with the problems, if there are any. */
function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${what}: ${problem}`));
}
