import { isJoin } from "./operators/join.ts";
import { isStateful } from "./operators/map_with_state.ts";
import { aggregateOf, isAggregate, type Pipeline, type PostgresTable, type TopicSink } from "./plan.ts";
import type { Output } from "./stream.ts";
import { isTopicName } from "./topic_name.ts";

/** All that cannot be right about a pipeline. */
export function planProblems(plan: Pipeline): string[] {
  const problems: string[] = [];
  const { source, outputs, nodes, deadLetter } = plan;
  if (!/^[a-z][a-z0-9_-]{0,47}$/.test(plan.name)) {
    problems.push("its name must be lower case letters, digits, _ and -, starting with a letter, at most 48");
  }
  if (!isTopicName(source.topic)) problems.push(`"${source.topic}" is not a topic's name`);
  if (!source.group) {
    problems.push("its source has no group; name the consumer group, as in { group: 'weir-users' }");
  }
  if (!Number.isInteger(source.partitions) || source.partitions < 1) {
    problems.push(`its source has ${source.partitions} partitions; give a whole number from 1`);
  }
  if (typeof source.from === "object" && "timestamp" in source.from) {
    const timestamp = Number(source.from.timestamp);
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
      problems.push(`its source starts at the time ${timestamp}; give a Date, or milliseconds since 1970`);
    }
  } else if (typeof source.from === "object" && !("ago" in source.from)) {
    for (const [partition, offset] of Object.entries(source.from)) {
      if (!Number.isSafeInteger(offset) || offset < 0) {
        problems.push(`its source starts at ${offset} in partition ${partition}; give a whole number from 0`);
      }
    }
  }
  if (outputs.length === 0) problems.push("it has no outputs, so nothing would be written");
  const seen = new Set<string>();
  for (const output of outputs) {
    const { kind, name } = output.sink;
    if (seen.has(`${kind} ${name}`)) problems.push(`two outputs write to the ${kind} "${name}"`);
    seen.add(`${kind} ${name}`);
    problems.push(...outputProblems(plan, output));
    if (aggregateOf(plan, output)?.spec.results === "final" && source.lateness === Infinity) {
      problems.push(
        `${kind} "${name}" takes final results, but no window ever closes: give the source a lateness, as in { lateness: "1m" }`,
      );
    }
  }
  for (const node of nodes) {
    if (node.parents.some((parent) => nodes[parent - 1] && isAggregate(nodes[parent - 1]!.operator))) {
      problems.push(
        `${node.operator.name} follows an aggregate, whose results are merged in the warehouse; map before`,
      );
    }
  }
  problems.push(...stateProblems(plan), ...referenceProblems(plan));
  for (
    const name of [
      source.topic,
      ...outputs.filter((o) => o.sink.kind === "topic").map((o) => o.sink.name),
    ]
  ) {
    if (name === deadLetter) {
      problems.push(`its dead letters would go to "${name}", which it also reads or writes`);
    }
  }
  return problems;
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

function referenceProblems({ nodes }: Pipeline): string[] {
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
  if (sink.kind === "topic" && sink.name === plan.source.topic) {
    return [`it writes to "${sink.name}", the topic it reads: its records would go round for ever`];
  }
  return [];
}
