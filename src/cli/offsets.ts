import type { Command } from "commander";
import { type Duration, milliseconds } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import type { PartitionOffsets } from "../log/mod.ts";
import { type Pipeline, stagesOf } from "../pipeline.ts";
import { loadPipelines } from "../runtime/load_pipeline.ts";
import { finishResets } from "../runtime/reset_cursors.ts";
import { resetPositions } from "../runtime/reset_positions.ts";
import { type OpenServices, openServices } from "../runtime/services.ts";
import { publishedTopics } from "../runtime/topic_cursor.ts";
import { lag } from "../status/lag.ts";
import type { SourceName } from "../warehouse/mod.ts";
import type { ExitCode } from "./exit_code.ts";
import { addSettings, type Flags, readSettings } from "./setting_flags.ts";

/** `weir offsets show|reset`: where a pipeline's group stands, and setting it. */
export function addOffsetsCommand(program: Command, finish: (code: ExitCode) => void): void {
  const offsets = program.command("offsets").description("show or set a pipeline's positions");
  const show = offsets.command("show")
    .description("show the positions of a pipeline's groups, partition by partition")
    .argument("<pipeline>", "a name that weir list shows, or the path of a module")
    .option("--json", "as JSON")
    .action(async (name: string, flags: Flags & { json?: true }) => finish(await showOffsets(name, flags)));
  const reset = offsets.command("reset")
    .description(
      "set where a pipeline goes on; records that are read again are counted again in what it adds up",
    )
    .argument("<pipeline>", "a name that weir list shows, or the path of a module")
    .requiredOption(
      "--to <position>",
      "earliest, latest, an offset, a time as in 2026-01-31T12:00Z, or so long ago as in 2h",
    )
    .option("--partition <number>", "only this partition (default: all)")
    .option(
      "--topic <name>",
      "where it reads this topic: of a further source, or of a repartition (default: its source)",
    )
    .option("--skip-unpublished", "skip also what topics have not got yet of records that are in the tables")
    .action(async (name: string, flags: ResetFlags) => finish(await resetOffsets(name, flags)));
  addSettings(show);
  addSettings(reset);
}

async function showOffsets(name: string, flags: Flags & { json?: true }): Promise<ExitCode> {
  return await withServices(name, flags, async (services, pipeline) => {
    const [first, ...stages] = await Promise.all(
      stagesOf(pipeline).map((plan) => positionsOf(services, plan)),
    );
    if (flags.json) {
      console.log(JSON.stringify({ ...first, ...(stages.length > 0 && { stages }) }, null, 2));
      return;
    }
    for (const { topic, group, partitions } of [first!, ...stages]) {
      if (stages.length > 0) console.log(`${topic}, read as ${group}`);
      console.table(Object.fromEntries(partitions.map(({ partition, ...row }) => [partition, row])));
    }
  });
}

async function positionsOf({ warehouse, log }: OpenServices, { source }: Pipeline) {
  const { group, topic } = source;
  const offsets = await log.offsets(topic, group);
  // What a reset that was killed has left: from here on all is as the positions say.
  await finishResets(
    { log, resets: warehouse.resets },
    { group, topic },
    offsets.map(({ partition }) => partition),
  );
  const positions = new Map(
    (await warehouse.positions({ group, topic })).map(({ partition, next }) => [partition, next]),
  );
  const partitions = offsets.map(({ partition, earliest, end, committed }) => {
    const position = positions.get(partition) ?? null;
    return { partition, position, committed, earliest, end, lag: lag(end, position, earliest) };
  });
  return { topic, group, partitions };
}

type ResetFlags = Flags & { skipUnpublished?: true };

async function resetOffsets(name: string, flags: ResetFlags): Promise<ExitCode> {
  return await withServices(name, flags, async (services, pipeline) => {
    const plan = stageThatReads(pipeline, flags.topic);
    const source: SourceName = { topic: plan.source.topic, group: plan.source.group };
    // Before the offsets: those of a topic that is made anew this very moment are not to be taken for the new one's.
    const topicId = await services.log.topicId(source.topic);
    const offsets = await services.log.offsets(source.topic, source.group);
    const chosen = offsets.filter(({ partition }) => (flags.partition ?? `${partition}`) === `${partition}`);
    if (chosen.length === 0) {
      throw new ConfigError([
        `--partition is "${flags.partition}": ${source.topic} has 0 to ${offsets.length - 1}`,
      ]);
    }
    const time = timeOf(flags.to!);
    const found = time === undefined ? undefined : await services.log.offsetsAt(source.topic, time);
    const positions = new Map(
      chosen.map((each) => [each.partition, found?.get(each.partition) ?? positionIn(each, flags.to!)]),
    );
    const skipUnpublished = flags.skipUnpublished ?? false;
    const id = crypto.randomUUID();
    const skipped = await resetPositions({
      plan,
      services,
      id,
      positions,
      offsets,
      topicId,
      skipUnpublished,
    });
    for (const [partition, offset] of positions) {
      console.log(`partition ${partition} of ${source.topic} goes on at ${offset}`);
    }
    for (const { topic, partition, from, to, gone } of skipped) {
      const what = `${to - from} offsets of partition ${partition} gave, ${from} to ${to - 1}`;
      const why = gone ? ", which are not there any more" : "";
      console.log(`${topic} will not get what ${what}${why}`);
    }
    const topics = publishedTopics(plan);
    if (topics.length > 0) {
      console.log(`what is read again is written to ${topics.join(", ")} again, what is skipped is not`);
    }
  });
}

/** The source's stage when no topic is given: what is read again there goes through the others again. */
function stageThatReads(pipeline: Pipeline, topic: string = pipeline.source.topic): Pipeline {
  const stages = stagesOf(pipeline);
  const found = stages.find(({ source }) => source.topic === topic);
  if (found) return found;
  const known = stages.map(({ source }) => source.topic).join(", ");
  throw new ConfigError([`--topic is "${topic}": ${pipeline.name} reads ${known}`]);
}

/** Milliseconds since 1970 of a time, or of a duration before now; undefined for anything else. */
function timeOf(to: string): number | undefined {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(to)) return Math.max(0, Date.now() - milliseconds(to as Duration));
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(to)) return undefined;
  const time = Date.parse(to);
  return Number.isNaN(time) ? undefined : Math.max(0, time);
}

function positionIn({ partition, earliest, end }: PartitionOffsets, to: string): number {
  if (to === "earliest") return earliest;
  if (to === "latest") return end;
  const offset = /^\d+$/.test(to) ? Number(to) : NaN;
  if (offset >= earliest && offset <= end) return offset;
  throw new ConfigError([
    `--to is "${to}": give earliest, latest, an offset, a time as in 2026-01-31 or 2026-01-31T12:00Z, or so long ago as ` +
    `in 2h; partition ${partition} goes from ${earliest} to ${end}`,
  ]);
}

async function withServices(
  name: string,
  flags: Flags,
  action: (services: OpenServices, pipeline: Pipeline) => Promise<void>,
): Promise<ExitCode> {
  const config = readSettings(flags);
  const [loaded] = await loadPipelines([name], Deno.cwd());
  const services = await openServices(config, (variable) => Deno.env.get(variable));
  try {
    await action(services, loaded!.plan);
    return 0;
  } finally {
    await services.close();
  }
}
