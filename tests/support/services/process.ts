import { type Room, type Server, untilAnswers } from "./server.ts";

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
export async function startProcess(options: ProcessOptions, room: Room): Promise<Server> {
  const [program, ...args] = options.command;
  const log = await openLog(options.name, room.cache);
  const child = new Deno.Command(program, {
    args,
    cwd: options.cwd,
    ...options.user,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const logged = Promise.all([log.keep(child.stdout), log.keep(child.stderr)]);
  let end: string | undefined;
  const ended = child.status.then((status) => {
    end = `${options.name} ended with ${status.signal ?? `code ${status.code}`}`;
  });
  const stop = async () => {
    if (end === undefined) child.kill(options.stopWith);
    await ended;
    await logged;
    log.close();
  };
  try {
    await untilAnswers(options.answers, { ended: () => end, signal: room.signal });
  } catch (error) {
    await stop();
    throw new Error(`${options.name} did not start, its log ends with:\n${await log.tail()}`, {
      cause: error,
    });
  }
  return { address: options.address, stop };
}

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
