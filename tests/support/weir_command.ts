import { fileURLToPath } from "node:url";
import { programEnv } from "./weir_process.ts";

/** The command line's program. */
export const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly code: number;
  /** All that it printed: the output, and then the errors. */
  readonly output: string;
}

/** Runs a command line to its end, with these settings only. */
export async function weir(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", main, ...args],
    clearEnv: true,
    env: { ...programEnv(), ...env },
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
