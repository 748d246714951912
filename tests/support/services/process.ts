import { type OwnServer, type Room, untilAnswers } from "./server.ts";

export interface ProcessOptions {
  readonly name: string;
  readonly address: string;
  readonly command: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  /** Whom it runs as; whom we are when absent. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What ends it. Its data is thrown away, so a server without children needs no time to say goodbye. */
  readonly stopWith: Deno.Signal;
  /** Resolves when it serves clients. */
  readonly answers: () => Promise<void>;
}

/** Starts a server as a child, and waits until it answers. Its log is kept; a failed start throws with the end of it. */
export async function startProcess(options: ProcessOptions, room: Room): Promise<OwnServer> {
  const log = await openLog(options.name, room.cache);
  let child = spawn(options, log);
  const stop = async () => {
    await child.end(options.stopWith);
    log.close();
  };
  const answered = async () => {
    try {
      await untilAnswers(options.answers, { ended: () => child.ended(), signal: room.signal });
    } catch (error) {
      await stop();
      throw new Error(`${options.name} did not start, its log ends with:\n${await log.tail()}`, {
        cause: error,
      });
    }
  };
  const restart = async () => {
    child = spawn(options, log);
    await answered();
  };
  await answered();
  return {
    address: options.address,
    stop,
    crash: () => child.end(options.stopWith),
    restart,
    revive: async () => {
      if (child.ended() !== undefined) await restart();
    },
    freeze: () => child.signal("SIGSTOP"),
    thaw: () => child.signal("SIGCONT"),
  };
}

function spawn({ name, command: [program, ...args], cwd, user }: ProcessOptions, log: ServerLog) {
  const child = new Deno.Command(program, {
    args,
    cwd,
    ...user,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const logged = Promise.all([log.keep(child.stdout), log.keep(child.stderr)]);
  let end: string | undefined;
  const ended = child.status.then((status) => {
    end = `${name} ended with ${status.signal ?? `code ${status.code}`}`;
  });
  return {
    signal: (signal: Deno.Signal) => child.kill(signal),
    /** How it ended; undefined while it runs. */
    ended: () => end,
    async end(signal: Deno.Signal): Promise<void> {
      if (end === undefined) child.kill(signal);
      await ended;
      await logged;
    },
  };
}

type ServerLog = Awaited<ReturnType<typeof openLog>>;

async function openLog(name: string, cache: string) {
  await Deno.mkdir(`${cache}/logs`, { recursive: true });
  const path = `${cache}/logs/${name}.log`;
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  return {
    async keep(output: ReadableStream<Uint8Array>) {
      for await (const bytes of output) {
        for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
      }
    },
    close: () => file.close(),
    async tail() {
      return (await Deno.readTextFile(path)).trimEnd().split("\n").slice(-30).join("\n");
    },
  };
}
