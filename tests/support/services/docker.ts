import { run } from "../commands.ts";
import { type Server, untilAnswers } from "./server.ts";

/** Whether a Docker engine answers; a client alone is not enough. */
export async function dockerEngine(signal: AbortSignal): Promise<boolean> {
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
    await run("docker", ["version", "--format", "{{.Server.Version}}"], { signal: soon });
    return true;
  } catch {
    return false;
  }
}

export interface ContainerOptions {
  readonly name: string;
  readonly image: string;
  /** The port on this machine's loopback, and the one inside. */
  readonly ports: readonly [outside: number, inside: number];
  readonly env: Readonly<Record<string, string>>;
  readonly address: string;
  readonly answers: () => Promise<void>;
}

/** Starts a container, and waits until it answers. A failed start throws with the end of its log. */
export async function startContainer(options: ContainerOptions, signal: AbortSignal): Promise<Server> {
  const env = Object.entries(options.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const publish = ["--publish", `127.0.0.1:${options.ports.join(":")}`];
  const id = await run("docker", ["run", "--detach", ...publish, ...env, options.image], { signal });
  const stop = async () => {
    await run("docker", ["rm", "--force", "--volumes", id]);
  };
  try {
    await untilAnswers(options.answers, { ended: () => undefined, signal });
  } catch (error) {
    const log = await run("docker", ["logs", "--tail", "30", id]).catch(() => "(it has no log)");
    await stop();
    throw new Error(`The container of ${options.image} did not start, its log ends with:\n${log}`, {
      cause: error,
    });
  }
  return { address: options.address, stop };
}
