import type { Status } from "../../src/status/snapshot.ts";
import { freePort } from "./services/ports.ts";

export interface WeirOptions {
  /** The program and its arguments; the data directory and the status port are added. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly dataDir: string;
  /** Settings. None are taken from the tests' own environment. */
  readonly env?: Record<string, string>;
}

/** A Weir process under test, watched through its status. */
export interface WeirProcess extends AsyncDisposable {
  /** Where its HTTP server listens. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when it has ended, however that came. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** What it has printed so far. */
  printed(): string;
  /** Sends it a signal. */
  signal(name: Deno.Signal): void;
  /** Asks for the status until `pick` gives something; throws with what it printed when it ends before. */
  until<T>(what: string, pick: (status: Status) => T | undefined): Promise<T>;
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
}

/** So that a test that waits in vain ends with what the process printed. */
const deadlineMs = 120_000;

/** Starts a Weir process. Disposing of it kills it if it still runs. */
export function startWeir({ command: [program, ...args], dataDir, env = {} }: WeirOptions): WeirProcess {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Deno.Command(program, {
    args: [...args, "--data-dir", dataDir, "--status-port", `${port}`],
    clearEnv: true,
    env: { ...programEnv(), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed: string[] = [];
  const reading = Promise.all([read(child.stdout, printed), read(child.stderr, printed)]);
  let ended: Deno.CommandStatus | undefined;
  const end = child.status.then((status) => ended = status);

  return {
    url,
    pid: child.pid,
    ended: reading.then(() => end),
    printed: () => printed.join(""),
    signal: (name) => child.kill(name),
    async until(what, pick) {
      const deadline = AbortSignal.timeout(deadlineMs);
      let last: unknown;
      while (ended === undefined && !deadline.aborted) {
        try {
          const status = await (await fetch(`${url}/status`, { signal: deadline })).json() as Status;
          last = status.pipelines;
          const picked = pick(status);
          if (picked !== undefined) return picked;
        } catch (error) {
          last = error;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const why = ended === undefined
        ? `not within ${deadlineMs / 1000} s`
        : `it ended with code ${ended.code}`;
      const seen = last instanceof Error ? last.message : JSON.stringify(last, null, 2);
      throw new Error(`Waited until ${what}: ${why}. Last status: ${seen}\nIt printed:\n${printed.join("")}`);
    },
    async stop() {
      child.kill("SIGTERM");
      await reading;
      return (await end).code;
    },
    async kill() {
      child.kill("SIGKILL");
      await reading;
      await end;
    },
    async [Symbol.asyncDispose]() {
      if (ended === undefined) child.kill("SIGKILL");
      await reading;
      await end;
    },
  };
}

/** What any program needs of the tests' own environment. */
export function programEnv(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "DENO_DIR"].map((name) => [name, Deno.env.get(name) ?? ""]);
  return Object.fromEntries(kept.filter(([, value]) => value !== ""));
}

async function read(output: ReadableStream<Uint8Array>, printed: string[]): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of output) printed.push(decoder.decode(bytes, { stream: true }));
}
