import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { ConfigError, describeError } from "../errors.ts";
import { isBehindRepartition, type Pipeline, stagesOf } from "../pipeline.ts";
import { readyMade } from "../pipelines/mod.ts";

/** A pipeline and the module that it comes from, which the workers import too. */
export interface LoadedPipeline {
  readonly plan: Pipeline;
  /** A file: URL. */
  readonly module: string;
}

/**
 * Loads pipelines by name, or by the path of a module whose default export is one.
 *
 * @param folder The folder that paths start from, absolute.
 * @throws {ConfigError} with what is wrong with each one that cannot be loaded.
 */
export async function loadPipelines(names: readonly string[], folder: string): Promise<LoadedPipeline[]> {
  const loaded = await Promise.allSettled(names.map((name) => loadPipeline(name, folder)));
  const problems = loaded.flatMap((each) => each.status === "rejected" ? problemsOf(each.reason) : []);
  const pipelines = loaded.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  problems.push(...clashes(pipelines));
  if (problems.length > 0) throw new ConfigError(problems);
  return pipelines;
}

async function loadPipeline(name: string, folder: string): Promise<LoadedPipeline> {
  const module = moduleOf(name, folder);
  let exported: { default?: unknown };
  try {
    exported = await import(module);
  } catch (cause) {
    if (cause instanceof ConfigError) throw new ConfigError(cause.problems.map((each) => `${name}: ${each}`));
    // Deno colours what it says of modules, whoever reads it.
    const why = stripVTControlCharacters(describeError(cause));
    throw new Error(`cannot load the pipeline ${name}: ${why}`, { cause });
  }
  if (!isPipeline(exported.default)) {
    throw new Error(`${name} is no pipeline module: its default export must be what pipeline(...) gives`);
  }
  return { plan: exported.default, module };
}

function moduleOf(name: string, folder: string): string {
  if (Object.hasOwn(readyMade, name)) return readyMade[name]!.url;
  if (name.startsWith("file:")) return name;
  if (!/[/\\]|\.(ts|js|mts|mjs)$/.test(name)) {
    throw new Error(
      `there is no pipeline "${name}"; there are ${Object.keys(readyMade).join(", ")}, ` +
        "or give the path of a module, as in ./my_pipeline.ts",
    );
  }
  // Not as a relative URL: names of files and folders may have a #, a ? or a % in them.
  const url = pathToFileURL(resolve(folder, name));
  try {
    Deno.statSync(url);
  } catch (cause) {
    throw new Error(`there is no pipeline module at ${name}`, { cause });
  }
  return url.href;
}

/** Pipelines of one process that would get in each other's way. */
function clashes(pipelines: readonly LoadedPipeline[]): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  const sources = new Set<string>();
  const passages = new Set<string>();
  for (const { plan } of pipelines) {
    if (names.has(plan.name)) problems.push(`two pipelines are named "${plan.name}"`);
    names.add(plan.name);
    for (const { source: { topic, group } } of stagesOf(plan)) {
      const source = `${topic} as the group ${group}`;
      if (sources.has(source)) problems.push(`two pipelines read ${source}; give each a group of its own`);
      sources.add(source);
    }
    for (const { source: { topic } } of plan.stages.filter(isBehindRepartition)) {
      if (passages.has(topic)) {
        problems.push(`two pipelines repartition by way of ${topic}; give each a topic of its own`);
      }
      passages.add(topic);
    }
  }
  return problems;
}

function isPipeline(value: unknown): value is Pipeline {
  const plan = value as Partial<Pipeline> | null;
  return typeof plan === "object" && plan !== null && typeof plan.name === "string" &&
    typeof plan.source === "object" && Array.isArray(plan.nodes) && Array.isArray(plan.outputs) &&
    Array.isArray(plan.stages);
}

function problemsOf(error: unknown): readonly string[] {
  return error instanceof ConfigError ? error.problems : [(error as Error).message];
}
