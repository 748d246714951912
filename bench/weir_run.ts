import deno from "../deno.json" with { type: "json" };
import type { PipelineStatus, RecordCounts, Status } from "../src/status/snapshot.ts";
import { freePort } from "../tests/support/services/ports.ts";
import { cleanEnvironment, type Settings } from "./environment.ts";
import { cpuSeconds, memoryMb } from "./process_use.ts";
import { Hopeless, until } from "./until.ts";

/** Weir's clients for Kafka. */
export type KafkaClientName = "kafkajs" | "platformatic";

export interface WeirOptions {
  /** A pipeline's name, or the path of its module from the checkout's folder. */
  readonly pipeline: string;
  /** Where the services are, and what is to differ from the defaults; nothing comes from the caller's environment. */
  readonly settings: Settings;
  /** Writes CPU profiles of the main thread and of each worker into this folder when it stops. */
  readonly profileFolder?: string;
}

/** A Weir process that is measured. Disposing of it ends it, if it still runs. */
export interface WeirRun extends AsyncDisposable {
  /** The status of its only pipeline. Throws {@linkcode Hopeless} when there is nothing to come any more. */
  pipeline(): Promise<PipelineStatus>;
  /** Records that are in the warehouse. */
  committed(): Promise<number>;
  /** User and system time that it has used, in seconds. It starts no other process. */
  cpuSeconds(): number;
  memoryMb(which: "now" | "peak"): number;
  /** Resolves when its pipeline runs; rejects when it ends before. */
  running(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** Starts a process as `deno task start` does, with another pipeline. */
export function startWeir({ pipeline, settings, profileFolder }: WeirOptions): WeirRun {
  const port = freePort();
  const url = `http://127.0.0.1:${port}/status`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...(profileFolder ? ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`] : []),
      ...startFlags(),
      `${root}main.ts`,
      "run",
      pipeline.endsWith(".ts") ? `${root}${pipeline}` : pipeline,
      "--status-port",
      `${port}`,
    ],
    ...cleanEnvironment(settings),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const end = child.status.then(({ code }) => {
    ended = true;
    return code;
  });
  const run: WeirRun = {
    async pipeline() {
      if (ended) throw new Hopeless(`Weir ended with code ${await end} while it was measured`);
      const [status] = (await (await fetch(url)).json() as Status).pipelines;
      if (!status) throw new Error("Weir has not opened its pipeline yet");
      if (status.state === "failed") throw new Hopeless(`The pipeline failed: ${status.reason}`);
      assertAllOut(status.records);
      return status;
    },
    committed: async () => (await run.pipeline()).records.in,
    cpuSeconds: () => cpuSeconds([child.pid]),
    memoryMb: (which) => memoryMb([child.pid], which),
    async running() {
      await until("Weir runs", async () => (await run.pipeline()).state === "running");
    },
    async kill() {
      child.kill("SIGKILL");
      await end;
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await end;
    },
  };
  return run;
}

/**
 * Every record of a benchmark is to come out: one that does not costs less, and would make a figure too good.
 *
 * @throws {Hopeless} when some were filtered, late or became dead letters.
 */
export function assertAllOut(records: RecordCounts): void {
  const { filtered, deadLettered, late } = records;
  if (filtered + deadLettered + late === 0) return;
  throw new Hopeless(
    `Of ${records.in} records ${filtered} were filtered, ${deadLettered} became dead letters and ${late} were late, ` +
      "but every record of a benchmark should come out; see the reasons in the topic of dead letters",
  );
}

const root = new URL("../", import.meta.url).pathname;

/** The flags that `deno task start` gives Deno. */
function startFlags(): string[] {
  const words = deno.tasks.start.split(" ");
  return words.slice(words.indexOf("run") + 1, words.indexOf("main.ts"));
}
