import { fileURLToPath } from "node:url";
import { describeError } from "../../src/errors.ts";
import { run } from "./commands.ts";

/** Names the standalone binary that the tests run. */
const variable = "WEIR_TEST_BINARY";

/** The binary to test, or `undefined` when there is none: its tests are then left out, and the runner says so. */
export function binary(): string | undefined {
  return Deno.env.get(variable) || undefined;
}

export interface BinaryOptions {
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Compiled {
  /** What the tests read to find it. */
  readonly env: Record<string, string>;
  /** Why there is none. */
  readonly missing: string[];
}

/**
 * Compiles the binary as `deno task compile` does, unless the environment names one. Never rejects:
 * `missing` says why it could not be compiled.
 */
export async function compileBinary({ report, signal }: BinaryOptions): Promise<Compiled> {
  const given = binary();
  if (given !== undefined) return { env: { [variable]: given }, missing: [] };
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const file = `${root}dist/weir`;
  try {
    const made = await run(Deno.execPath(), ["run", "--allow-all", "tools/compile.ts", file], {
      cwd: root,
      signal,
    });
    report(`binary: ${made}`);
    return { env: { [variable]: file }, missing: [] };
  } catch (error) {
    return { env: {}, missing: [`binary: ${describeError(error)}`] };
  }
}
