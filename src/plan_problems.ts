import { isJoin } from "./operators/join.ts";
import { isStateful } from "./operators/map_with_state.ts";
import {
  aggregateOf,
  isAggregate,
  isBehindRepartition,
  type Pipeline,
  type PostgresTable,
  type Source,
  stagesOf,
  type TopicSink,
} from "./plan.ts";
import { shown } from "./shown.ts";
import type { Output, PlanNode } from "./stream.ts";
import { isTopicName } from "./topic_name.ts";

/** All that cannot be right about a pipeline. */
export function planProblems(pipeline: Pipeline): string[] {
  const stages = stagesOf(pipeline);
  const problems = sourceProblems(pipeline);
  const isEmpty = stages.every(({ outputs }) => outputs.length === 0);
  if (isEmpty) problems.push("it has no outputs, so nothing would be written");
  const written = new Map<string, Output>();
  for (const plan of stages) {
    for (const output of plan.outputs) {
      const { kind, name } = output.sink;
      const other = written.get(`${kind} ${name}`);
      if (other && !isShared(other, output)) problems.push(sameSinkProblem(other, output));
      written.set(`${kind} ${name}`, output);
      problems.push(...outputProblems(plan, output), ...closingProblems(pipeline, plan, output));
      if (kind === "topic") problems.push(...topicProblems(pipeline, plan, name));
    }
    problems.push(...orderProblems(plan), ...stateProblems(plan));
  }
  for (const plan of isEmpty ? [] : stages) {
    if (plan.outputs.length > 0) continue;
    problems.push(`nothing comes of ${startOf(pipeline, plan)}; end its stream in a sink`);
  }
  problems.push(...referenceProblems(stages.flatMap(({ nodes }) => nodes)), ...deadLetterProblems(stages));
  // Of a topic that several plans write to, each may say the same.
  return [...new Set(problems)];
}

/** What a plan starts with, for people. */
function startOf(pipeline: Pipeline, plan: Pipeline): string {
  if (isBehindRepartition(plan)) return `repartition(${plan.source.topic})`;
  const name = Object.keys(pipeline.sources ?? {})[pipeline.stages.indexOf(plan)];
  return name === undefined ? "the source" : `the source "${name}"`;
}

/**
 * What is wrong with the list of outputs that a pipeline's function gave.
 *
 * @param made All that the pipeline's own streams ended in.
 */
export function listProblems(listed: readonly Output[], made: readonly Output[]): string[] {
  const foreign = listed.filter((output) => !made.includes(output)).map((output) => {
    const { kind, name } = output?.sink ?? {};
    return kind === undefined
      ? `"outputs" gave ${shown(output)} in its list; give what to(...) gives`
      : `the output to the ${kind} "${name}" is one of another pipeline; end this one's own streams in sinks`;
  });
  const forgotten = made.filter((output) => !listed.includes(output)).map(({ sink: { kind, name } }) =>
    `the output to the ${kind} "${name}" would write nothing; return it in the list of "outputs", too`
  );
  return [...foreign, ...forgotten];
}

function sourceProblems(pipeline: Pipeline): string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_-]{0,47}$/.test(pipeline.name)) {
    problems.push("its name must be lower case letters, digits, _ and -, starting with a letter, at most 48");
  }
  const stages = stagesOf(pipeline);
  for (const [i, plan] of stages.entries()) {
    const start = startOf(pipeline, plan);
    if (!isBehindRepartition(plan)) problems.push(...ownProblems(plan.source, start.replace(/^the/, "its")));
    // Those of `repartition`s are told of by the topic that they write to.
    for (const other of stages.slice(0, i).filter((each) => !isBehindRepartition(each))) {
      const both = `${startOf(pipeline, other)} and ${start}`;
      const { topic, group } = plan.source;
      if (other.source.topic === topic && !isBehindRepartition(plan)) {
        problems.push(`${both} read the same topic, "${topic}"; make two streams of one source`);
      }
      if (other.source.group === group && group) {
        problems.push(`${both} have the same group, "${group}"; give each its own`);
      }
    }
  }
  return problems;
}

/** What is wrong with a source by itself. */
function ownProblems(source: Source<unknown>, its: string): string[] {
  const problems: string[] = [];
  if (!isTopicName(source.topic)) problems.push(`"${source.topic}" is not a topic's name`);
  if (!source.group) {
    problems.push(`${its} has no group; name the consumer group, as in { group: 'weir-users' }`);
  }
  if (!Number.isInteger(source.partitions) || Number(source.partitions) < 1) {
    problems.push(`${its} has ${source.partitions} partitions; give a whole number from 1`);
  }
  if (typeof source.from === "object" && "timestamp" in source.from) {
    const timestamp = Number(source.from.timestamp);
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
      problems.push(`${its} starts at the time ${timestamp}; give a Date, or milliseconds since 1970`);
    }
  } else if (typeof source.from === "object" && !("ago" in source.from)) {
    for (const [partition, offset] of Object.entries(source.from)) {
      if (!Number.isSafeInteger(offset) || offset < 0) {
        problems.push(`${its} starts at ${offset} in partition ${partition}; give a whole number from 0`);
      }
    }
  }
  return problems;
}

/** Plans that take part in one `repartition` write to its topic together. */
function isShared(one: Output, other: Output): boolean {
  return one.sink === other.sink && (one.sink as TopicSink<never>).repartition !== undefined;
}

function sameSinkProblem(...outputs: readonly [Output, Output]): string {
  const { kind, name } = outputs[0].sink;
  const repartitions = outputs.filter(({ sink }) => (sink as TopicSink<never>).repartition).length;
  if (repartitions === 0) return `two outputs write to the ${kind} "${name}"`;
  const other = repartitions === 2 ? "another one writes" : "an output writes";
  return `repartition(${name}) needs a topic of its own, but ${other} to "${name}", too`;
}

/** What is wrong with a topic as one that a plan writes to. */
function topicProblems(pipeline: Pipeline, plan: Pipeline, topic: string): string[] {
  const problems: string[] = [];
  const stages = stagesOf(pipeline);
  const read = stages.filter((each) => !isBehindRepartition(each)).map(({ source }) => source.topic);
  if (read.includes(topic)) {
    const which = read.length === 1 ? "the topic" : "a topic";
    problems.push(`it writes to "${topic}", ${which} it reads: its records would go round for ever`);
  }
  const mark = `${plan.source.group}.${topic}`;
  const reader = stages.find(({ source }) => source.group === mark);
  if (reader) {
    const start = startOf(pipeline, reader);
    problems.push(
      `${start} has the group "${mark}", which marks how far "${topic}" has come; give it another`,
    );
  }
  return problems;
}

function deadLetterProblems(stages: readonly Pipeline[]): string[] {
  const topics = stages.flatMap(({ source, outputs }) => [
    source.topic,
    ...outputs.filter(({ sink }) => sink.kind === "topic").map(({ sink }) => sink.name),
  ]);
  return stages.filter(({ deadLetter }) => topics.includes(deadLetter))
    .map(({ deadLetter }) => `its dead letters would go to "${deadLetter}", which it also reads or writes`);
}

/** An aggregate's results are in the warehouse: no step can follow it. */
function orderProblems({ nodes, outputs }: Pipeline): string[] {
  const followers = [
    ...nodes.map(({ parents, operator }) => ({ parents, name: operator.name })),
    ...outputs.map(({ node, sink }) => ({
      parents: [node],
      name: (sink as TopicSink<never>).repartition?.name,
    })),
  ];
  return followers.filter(({ parents, name }) =>
    name !== undefined &&
    parents.some((parent) => nodes[parent - 1] && isAggregate(nodes[parent - 1]!.operator))
  ).map(({ name }) => `${name} follows an aggregate, whose results are merged in the warehouse; map before`);
}

function stateProblems({ nodes }: Pipeline): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { operator } of nodes) {
    if (!isStateful(operator)) continue;
    if (names.has(operator.stateName)) {
      problems.push(`two operators keep states as "${operator.stateName}"; give each a "name" of its own`);
    }
    names.add(operator.stateName);
  }
  return problems;
}

function referenceProblems(nodes: readonly PlanNode[]): string[] {
  const tables = new Map<string, unknown>();
  const problems: string[] = [];
  for (const { operator } of nodes) {
    if (!isJoin(operator)) continue;
    const { table } = operator;
    if ((tables.get(table.name) ?? table) !== table) {
      problems.push(`two reference tables are named "${table.name}"; give each a name of its own`);
    }
    tables.set(table.name, table);
  }
  return problems;
}

function outputProblems(plan: Pipeline, output: Output): string[] {
  const { sink } = output;
  const aggregated = aggregateOf(plan, output) !== undefined;
  const spec = aggregateOf(plan, output)?.spec;
  if (spec?.window?.kind === "session" && spec.results === "updates" && sink.kind !== "postgres") {
    return [
      `${sink.kind} "${sink.name}" takes updates of sessions, but cannot take back one that became part of another; ` +
      'give the aggregate results: "final", or write to a postgresTable',
    ];
  }
  if (!aggregated && sink.kind === "postgres" && (sink as PostgresTable<never>).columns.length === 0) {
    return [`postgresTable("${sink.name}") has no columns; only an aggregate's table can go without`];
  }
  if (aggregated && sink.kind === "postgres" && (sink as PostgresTable<never>).columns.length > 0) {
    return [
      `postgresTable("${sink.name}") has columns, but takes an aggregate, whose columns follow from it`,
    ];
  }
  if (sink.kind === "topic" && !(sink as TopicSink<never>).codec) {
    return [`topic("${sink.name}") has no codec and key; give both to write to it`];
  }
  return [];
}

function closingProblems(pipeline: Pipeline, plan: Pipeline, output: Output): string[] {
  if (aggregateOf(plan, output)?.spec.results !== "final" || plan.source.lateness < Infinity) return [];
  const { kind, name } = output.sink;
  return [
    `${kind} "${name}" takes final results, but no window ever closes: give ${
      startOf(pipeline, plan)
    } a lateness, as in { lateness: "1m" }`,
  ];
}
