import { cleanEnvironment } from "./environment.ts";
import type { BenchServices } from "./services.ts";

/** Feeds a topic with users, so many a second, by a process of its own; disposing of it ends that. */
export function startFeeder({ kafka }: BenchServices, topic: string, perSecond: number): AsyncDisposable {
  const script = new URL("./feed.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script, kafka, topic, `${perSecond}`],
    ...cleanEnvironment(),
    stdin: "null",
    stderr: "inherit",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}
