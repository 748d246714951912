import type { Command } from "commander";
import type { Config } from "../config.ts";
import { describeError } from "../errors.ts";
import { loadPipelines } from "../runtime/load_pipeline.ts";
import { startWeir, type Weir } from "../runtime/start.ts";
import { version } from "../version.ts";
import type { ExitCode } from "./exit_code.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import { Screen } from "./screen.ts";
import { addSettings, type Flags, readSettings } from "./setting_flags.ts";
import { Troubles } from "./troubles.ts";

/** Milliseconds for draining, and for ending whatever is left after that. */
const drainTime = 3_000;
const hardTime = 4_500;

/** `weir run [pipeline ...]`: runs pipelines until it is told to stop. */
export function addRunCommand(program: Command, finish: (code: ExitCode) => void): void {
  const command = program.command("run", { isDefault: true })
    .description("run pipelines, ready-made ones by name or your own by path (default: users)")
    .argument("[pipeline...]", "a name that weir list shows, or the path of a module")
    .action(async (names: string[], flags: Flags) => finish(await run(names, flags)));
  addSettings(command);
}

async function run(names: readonly string[], flags: Flags): Promise<ExitCode> {
  const config = readSettings(flags);
  const screen = new Screen(config.log, Deno.stdout.isTerminal());
  try {
    return await runUntilStopped(names.length > 0 ? names : ["users"], config, screen);
  } catch (error) {
    if (config.log !== "json") throw error;
    screen.say(failureText(error));
    return exitCodeOf(error);
  }
}

async function runUntilStopped(names: readonly string[], config: Config, screen: Screen): Promise<ExitCode> {
  const pipelines = await loadPipelines(names, Deno.cwd());
  const stopped = stopSignal();
  // What a client library leaves unhandled must not end a process that holds other work.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    screen.say(`unexpected: ${describeError(event.reason)}`);
  });
  screen.say(`weir ${version} runs ${pipelines.map(({ plan }) => plan.name).join(", ")}`);
  const starting = startWeir({
    config,
    pipelines,
    env: (name) => Deno.env.get(name),
    say: (line) => screen.say(line),
    now: Date.now,
  });
  stopped.then(() => hardStop(screen));
  const weir = await starting;
  for (const line of describeServices(weir)) screen.say(line);
  screen.follow(() => weir.status());
  const troubles = new Troubles();
  const looking = setInterval(() => {
    for (const line of troubles.look(weir.status(), performance.now())) screen.say(line);
  }, 1_000);
  const failure = await Promise.race([stopped, weir.failed]);
  clearInterval(looking);
  screen.close();
  if (failure === undefined) {
    screen.say("stopping: batches on the way are brought in, the rest is left for the next start");
  }
  return await stop(weir, screen) && failure === undefined ? 0 : 1;
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let asked = false;
    const listener = () => {
      if (asked) Deno.exit(1);
      asked = true;
      resolve(undefined);
    };
    Deno.addSignalListener("SIGINT", listener);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", listener);
  });
}

/** Ends the process if it still runs so long after it was told to. */
function hardStop(screen: Screen): void {
  const timer = setTimeout(() => {
    screen.say(
      "not everything could be closed in time; what was on the way will be read again at the next start",
    );
    Deno.exit(0);
  }, hardTime);
  Deno.unrefTimer(timer);
}

/** True when everything was closed. */
async function stop(weir: Weir, screen: Screen): Promise<boolean> {
  try {
    await weir.stop(drainTime);
    return true;
  } catch (error) {
    screen.say(`stopping: ${describeError(error)}`);
    return false;
  }
}

const settingOf = {
  log: "KAFKA_BROKERS",
  tables: "CASSANDRA_CONTACT_POINTS",
  warehouse: "DATABASE_URL",
} as const;

function describeServices(weir: Weir): string[] {
  const lines = weir.status().services.map(({ role, kind, detail }) => {
    const hint = kind === "embedded" ? `embedded; set ${settingOf[role]} to use a real one` : kind;
    return `  ${role.padEnd(9)}  ${detail} (${hint})`;
  });
  return [...lines, `  ${"status".padEnd(9)}  ${weir.url}`];
}
