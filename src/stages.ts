import type { Codec } from "./codecs/mod.ts";
import type { RepartitionOperator } from "./operators/repartition.ts";
import type { Pipeline, Source, TopicSink } from "./plan.ts";
import type { Output, StageDraft } from "./stream.ts";

/**
 * Cuts what was drawn of a pipeline into plans, one for each topic that is read: a `repartition` becomes an output of the
 * plan before it, and the source of the one behind it.
 *
 *     source -> ... -> repartition -> ... -> sinks
 *
 *     users:    source -> ... -> topic
 *     users/topic:               topic -> ... -> sinks
 *
 * @param whole The pipeline without nodes and outputs.
 * @param drafts In the order in which they were made, so that each comes after the one that it follows.
 */
export function cutIntoStages<T>(
  whole: Omit<Pipeline<T>, "nodes" | "outputs" | "stages">,
  drafts: readonly StageDraft[],
  outputs: readonly Output[],
): Pipeline<T> {
  const { name, source, deadLetter } = whole;
  const sources: Source<unknown>[] = [];
  for (const { start } of drafts) {
    sources.push(start ? sourceBehind(start.operator, source.group, sources[start.stage]!) : source);
  }
  const partOf = ({ nodes }: StageDraft, stage: number) => ({
    nodes,
    outputs: [
      ...outputs.filter((output) => (output.stage ?? 0) === stage),
      ...drafts.flatMap(({ start }) => start?.stage === stage ? [passageOf(start, source.group)] : []),
    ],
  });
  const stages = drafts.slice(1).map((draft, i) => {
    const read = sources[i + 1]!;
    return { name: `${name}/${read.topic}`, source: read, ...partOf(draft, i + 1), deadLetter, stages: [] };
  });
  return { ...whole, ...partOf(drafts[0]!, 0), stages };
}

/** What is read behind a `repartition`: as the source before it, but for what the operator says. */
function sourceBehind(
  { topic, codec, partitions, lateness }: RepartitionOperator<never, unknown>,
  group: string,
  before: Source<unknown>,
): Source<unknown> {
  return {
    topic,
    group: `${group}/${topic}`,
    codec,
    from: "earliest",
    partitions: partitions ?? before.partitions,
    lateness: lateness ?? Infinity,
    late: before.late,
    maxAhead: before.maxAhead,
    idleAfter: before.idleAfter,
    writtenBy: group,
  };
}

function passageOf({ node, stage, operator }: NonNullable<StageDraft["start"]>, group: string): Output {
  const { topic, name, key, codec, partitions = "as before" } = operator;
  const sink: TopicSink<never> = {
    kind: "topic",
    name: topic,
    codec: codec as Codec<never>,
    partitions,
    repartition: { name, group, key },
  };
  return { node, sink, ...(stage > 0 && { stage }) };
}
