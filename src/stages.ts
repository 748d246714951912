import type { Codec } from "./codecs/mod.ts";
import type { Pipeline, Source, TopicSink } from "./plan.ts";
import type { Output, StageDraft } from "./stream.ts";

/** A pipeline before it is cut: what was drawn of it is in its drafts. */
export interface WholePipeline<T, S extends object>
  extends Omit<Pipeline<T, S>, "nodes" | "outputs" | "stages" | "deadLetter" | "deadLetterOf"> {
  /** Default: one for each source, `<its topic>.dead-letter`. */
  readonly deadLetter?: string;
}

/** What the records of a draft come from, and where those go that fail. */
interface Reading {
  readonly source: Source<unknown>;
  /** The topics of the pipeline's sources that they come from in the end. */
  readonly origins: readonly string[];
  readonly deadLetter: string;
}

/**
 * Cuts what was drawn of a pipeline into plans, one for each topic that is read: a `repartition` becomes an output of each
 * plan that it takes values from, and the source of the one behind it.
 *
 *     source   -> ... \
 *     payments -> ... -> repartition -> ... -> sinks
 *
 *     users:          source   -> ... -> topic
 *     users/payments: payments -> ... -> topic
 *     users/topic:    topic -> ... -> sinks
 *
 * @param drafts Those of the sources, the pipeline's own first, and then the others in the order in which they were made,
 * so that each comes after those that it follows.
 */
export function cutIntoStages<T, S extends object>(
  whole: WholePipeline<T, S>,
  drafts: readonly StageDraft[],
  outputs: readonly Output[],
): Pipeline<T, S> {
  const { name, source, sources } = whole;
  const own: readonly Source<unknown>[] = [source, ...Object.values<Source<unknown>>(sources ?? {})];
  const readings: Reading[] = [];
  const passages: (TopicSink<never> | undefined)[] = [];
  for (const [i, { start }] of drafts.entries()) {
    const before = start?.from.map(({ stage }) => readings[stage]!);
    readings.push(
      start && before
        ? {
          source: sourceBehind(start, source.group, before),
          origins: before.flatMap(({ origins }) => origins),
          deadLetter: before[0]!.deadLetter,
        }
        : {
          source: own[i]!,
          origins: [own[i]!.topic],
          deadLetter: whole.deadLetter ?? `${own[i]!.topic}.dead-letter`,
        },
    );
    passages.push(start && passageOf(start, source.group));
  }
  const readingOf = ({ source, deadLetter }: Reading) => {
    const all = readings.filter((each) => each.deadLetter === deadLetter);
    return { source, deadLetter, deadLetterOf: [...new Set(all.flatMap(({ origins }) => origins))] };
  };
  const partOf = ({ nodes }: StageDraft, stage: number) => ({
    nodes,
    outputs: [
      ...outputs.filter((output) => (output.stage ?? 0) === stage),
      ...drafts.flatMap(({ start }, i) =>
        (start?.from ?? []).filter((place) => place.stage === stage).map(({ node }): Output => (
          { node, sink: passages[i]!, ...(stage > 0 && { stage }) }
        ))
      ),
    ],
  });
  const stages = drafts.slice(1).map((draft, i) => {
    const reading = readingOf(readings[i + 1]!);
    return { name: `${name}/${reading.source.topic}`, ...reading, ...partOf(draft, i + 1), stages: [] };
  });
  return { ...whole, ...readingOf(readings[0]!), source, ...partOf(drafts[0]!, 0), stages };
}

type Start = NonNullable<StageDraft["start"]>;

/** What is read behind a `repartition`: as the sources before it, but for what the operator says. */
function sourceBehind({ operator }: Start, group: string, before: readonly Reading[]): Source<unknown> {
  const { topic, codec, partitions = "as before", lateness } = operator;
  const sources = before.map(({ source }) => source);
  return {
    topic,
    group: `${group}/${topic}`,
    codec,
    from: "earliest",
    partitions,
    lateness: lateness ?? Infinity,
    late: sources.some(({ late }) => late === "dead-letter") ? "dead-letter" : "count",
    maxAhead: Math.min(...sources.map(({ maxAhead }) => maxAhead)),
    idleAfter: Math.max(...sources.map(({ idleAfter }) => idleAfter)),
    writtenBy: group,
    behind: sources.map(({ topic }) => topic),
  };
}

function passageOf({ operator: { topic, name, key, codec } }: Start, group: string): TopicSink<never> {
  return { kind: "topic", name: topic, codec: codec as Codec<never>, repartition: { name, group, key } };
}
