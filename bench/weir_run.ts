import type { Status } from "../src/status/snapshot.ts";
import { freePort } from "../tests/support/services/ports.ts";
import type { BenchServices } from "./services.ts";

/** A Weir process that is measured. */
export interface WeirRun extends AsyncDisposable {
  status(): Promise<Status>;
  /** User and system time that it has used, in seconds. */
  cpuSeconds(): Promise<number>;
  /** The most memory that it has held so far, in MB. */
  peakMemoryMb(): Promise<number>;
}

/** Starts a pipeline module on the given servers, and waits until it runs. */
export async function startWeir(
  module: string,
  { kafka, cassandra }: BenchServices,
  databaseUrl: string,
  flags: readonly string[] = [],
): Promise<WeirRun> {
  const port = freePort();
  const root = new URL("../", import.meta.url).pathname;
  const profile = Deno.env.get("BENCH_PROFILE");
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...(profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}`] : []),
      "--allow-all",
      "--v8-flags=--max-semi-space-size=2",
      `${root}main.ts`,
      "run",
      `${root}${module}`,
      "--status-port",
      `${port}`,
      ...flags,
    ],
    env: { KAFKA_BROKERS: kafka, CASSANDRA_CONTACT_POINTS: cassandra, DATABASE_URL: databaseUrl },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  const run: WeirRun = {
    status: async () => await (await fetch(`${url}/status`)).json(),
    async cpuSeconds() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]);
    },
    async peakMemoryMb() {
      const text = await Deno.readTextFile(`/proc/${child.pid}/status`);
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
  await until(async () => (await run.status()).pipelines[0]?.state === "running");
  return run;
}

/** Asks every few milliseconds until the answer is yes; an error counts as no. */
export async function until(holds: () => Promise<boolean>, everyMs = 50): Promise<void> {
  while (!await holds().catch(() => false)) await new Promise((resolve) => setTimeout(resolve, everyMs));
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
