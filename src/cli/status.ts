import type { Command } from "commander";
import { describeError, ServiceError } from "../errors.ts";
import { readiness } from "../status/readiness.ts";
import { reachable } from "../status/server.ts";
import type { PipelineStatus, Status } from "../status/snapshot.ts";
import type { ExitCode } from "./exit_code.ts";
import { addSettings, type Flags, readSettings } from "./setting_flags.ts";

/** Milliseconds that the process may take to answer. */
const timeout = 10_000;

/** `weir status`: how a running process is, asked by HTTP. */
export function addStatusCommand(program: Command, finish: (code: ExitCode) => void): void {
  const command = program.command("status")
    .description("show how a running process is; exit code 1 unless all of it is well")
    .option("--json", "as JSON")
    .action(async (flags: Flags & { json?: true }) => finish(await showStatus(flags)));
  addSettings(command, ["STATUS_HOST", "STATUS_PORT"]);
}

async function showStatus(flags: Flags & { json?: true }): Promise<ExitCode> {
  const { statusHost, statusPort } = readSettings(flags);
  const url = `http://${reachable(statusHost)}:${statusPort}`;
  const status = await ask(url);
  const { ready, reasons } = readiness(status);
  if (flags.json) console.log(JSON.stringify(status, null, 2));
  else for (const line of [...describe(status, url), ...reasons]) console.log(line);
  return ready ? 0 : 1;
}

/** @throws {ServiceError} when no Weir answers there. */
async function ask(url: string): Promise<Status> {
  try {
    const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(timeout) });
    const status: Partial<Status> | null = await response.json();
    if (response.ok && status?.schema === 1) return status as Status;
  } catch (cause) {
    throw new ServiceError(
      `No Weir answers at ${url}: ${describeError(cause)}; start one, or set STATUS_HOST and STATUS_PORT`,
      { cause },
    );
  }
  throw new ServiceError(`What answers at ${url} is no Weir; set STATUS_HOST and STATUS_PORT`);
}

function describe({ version, startedAt, pipelines, services, schedules }: Status, url: string): string[] {
  return [
    `weir ${version} at ${url} since ${startedAt}`,
    ...pipelines.map(describePipeline),
    ...services.map(({ role, state, detail }) => `  ${role.padEnd(9)}  ${state}  ${detail}`),
    ...schedules.map(({ pipeline, cron, runs, failures, lastRun }) =>
      `  schedule   ${pipeline}  ${cron}  runs ${runs}  failures ${failures}` +
      (lastRun?.error === undefined ? "" : `  last: ${lastRun.error}`)
    ),
  ];
}

function describePipeline({ name, state, records, partitions, latencyMs }: PipelineStatus): string {
  const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0);
  const latency = latencyMs.p99 === null ? "" : `  p99 ${Math.round(latencyMs.p99)} ms`;
  const { in: taken, out, filtered, deadLettered } = records;
  return `  pipeline   ${name}  ${state}  in ${taken}  out ${out}  filtered ${filtered}  ` +
    `dead letters ${deadLettered}  lag ${lag}${latency}`;
}
