import { ConfigError } from "./errors.ts";
import { checkFunction, checkOptions } from "./operators/options.ts";
import type { Pipeline, Schedule, Source } from "./plan.ts";
import { listProblems, planProblems } from "./plan_problems.ts";
import { shown } from "./shown.ts";
import { cutIntoStages } from "./stages.ts";
import { type Output, type Sink, type StageDraft, Stream } from "./stream.ts";

export { aggregateOf, isAggregate, isRecordTopic, keepsStates, stageNamed, stagesOf } from "./plan.ts";
export type { CassandraTable, From, Pipeline, PostgresTable, Schedule, Source, TopicSink } from "./plan.ts";

/** The layers of a pipeline. */
export interface PipelineOptions<T> {
  readonly schedule?: Schedule<NoInfer<T>>;
  readonly source: Source<T>;
  readonly outputs: (stream: Stream<T>) => readonly Output[];
  /** Where records go that fail to decode, to validate or to be written. Default: `<source topic>.dead-letter`. */
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
export function pipeline<T>(name: string, options: PipelineOptions<T>): Pipeline<T> {
  const what = `pipeline "${name}"`;
  checkOptions(what, options, ["schedule", "source", "outputs", "deadLetter"]);
  const { schedule, source } = options;
  if (typeof source?.topic !== "string") {
    throw new TypeError(`${what}: "source" is ${shown(source)}; give one, as in kafka(...)`);
  }
  if (schedule !== undefined) checkOptions(`${what}: "schedule"`, schedule, ["cron", "produce", "atStart"]);
  checkFunction(what, "outputs", options.outputs, "(stream) => [stream.to(...)]");
  if (options.deadLetter !== undefined && options.deadLetter?.kind !== "topic") {
    throw new TypeError(`${what}: "deadLetter" is ${shown(options.deadLetter)}; give topic("name")`);
  }
  const drafts: StageDraft[] = [{ nodes: [], outputs: [] }];
  const outputs = options.outputs(new Stream<T>(drafts, 0, 0));
  if (!Array.isArray(outputs)) {
    throw new TypeError(
      `${what}: "outputs" gave ${shown(outputs)}; return a list, as in (stream) => [stream.to(...)]`,
    );
  }
  refuse(what, listProblems(outputs, drafts.flatMap((draft) => draft.outputs)));
  const deadLetter = options.deadLetter?.name ?? `${source.topic}.dead-letter`;
  const plan = cutIntoStages({ name, ...(schedule && { schedule }), source, deadLetter }, drafts, outputs);
  refuse(what, planProblems(plan));
  return plan;
}

/** @throws {ConfigError} with the problems, if there are any. */
function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${what}: ${problem}`));
}
