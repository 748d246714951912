export interface TestRun {
  /** Those of `deno test`: paths, flags. */
  readonly args: readonly string[];
  readonly cwd: URL;
  readonly env: Record<string, string>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface TestResult {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
}

/** Runs `deno test`, shows what it prints as it comes, and reads the counts from its last line. */
export async function runTests({ args, cwd, env, signal }: TestRun): Promise<TestResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", ...args],
    cwd,
    env: { ...env, ...(Deno.stdout.isTerminal() && !Deno.noColor && { FORCE_COLOR: "1" }) },
    stdin: "null",
    stdout: "piped",
    signal,
  }).spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    for (let written = 0; written < bytes.length;) {
      written += await Deno.stdout.write(bytes.subarray(written));
    }
    tail = (tail + decoder.decode(bytes, { stream: true })).slice(-4_000);
  }
  const { code } = await child.status;
  signal.throwIfAborted();
  return { code, ...counts(tail) };
}

/** From `ok | 12 passed (3 steps) | 0 failed | 2 ignored (1s)`; nothing passed when the tests could not be loaded. */
export function counts(output: string): { passed: number; failed: number } {
  // deno-lint-ignore no-control-regex -- what it colours with
  const plain = output.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const summary = [...plain.matchAll(/\| (\d+) passed\b.*?\| (\d+) failed\b/g)].at(-1);
  return { passed: Number(summary?.[1] ?? 0), failed: Number(summary?.[2] ?? 0) };
}
