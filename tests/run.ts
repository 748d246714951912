/**
 * `deno task test [paths and flags of deno test]`: all tests, against real servers and the real binary.
 *
 * Starts a Kafka, a Cassandra and a Postgres for the whole run (or takes those that the environment names) and compiles
 * the binary, runs `deno test` with what tells the tests where those are, and ends what it started. What can't be had
 * is left out, and said at the end; with CI=true that is a failure.
 */
import { compileBinary } from "./support/binary.ts";
import { startServices } from "./support/services/mod.ts";
import { runTests } from "./support/test_process.ts";

/** Those that need a browser have a command of their own. */
const ignored = ["tests/browser"];
const everything = ["--doc", "tests", "src"];
const binaryTest = "tests/integration/binary_test.ts";
const root = new URL("../", import.meta.url);

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  if (!stopped.signal.aborted) throw error;
  console.error(`The tests were ${(stopped.signal.reason as Error).message}`);
  Deno.exit(1);
}

async function main(args: readonly string[]): Promise<number> {
  const { signal } = stopped;
  const report = (line: string) => console.error(`  ${line}`);
  console.error("Starting what the tests need:");
  const selected = args.filter(isPath);
  const whole = selected.length === 0;
  const binary = whole || selected.some((path) => binaryTest.startsWith(path))
    ? compileBinary({ report, signal })
    : { env: {}, missing: [] };
  const services = await startServices({ report, signal });
  try {
    const { env, missing } = await binary;
    const result = await runTests({
      args: [`--ignore=${ignored.join(",")}`, ...args, ...(whole ? everything : [])],
      cwd: root,
      env: { ...services.env, ...env },
      signal,
    });
    const left = [...services.missing, ...missing];
    if (left.length > 0) console.error(leftOut(left));
    console.log(`${result.passed} passed, ${result.failed} failed`);
    return left.length > 0 && Deno.env.get("CI") === "true" ? 1 : result.code;
  } finally {
    await services.stop();
  }
}

/** Whether an argument names a file or folder, and is not a flag or the value of one. */
function isPath(arg: string): boolean {
  try {
    return !arg.startsWith("-") && Deno.statSync(new URL(arg, root)) !== undefined;
  } catch {
    return false;
  }
}

function leftOut(missing: readonly string[]): string {
  const line = "!".repeat(80);
  const reasons = missing.map((reason) => `- ${reason.replaceAll("\n", "\n    ")}`);
  return [
    "",
    line,
    "LEFT OUT: the tests that need the following did not run",
    ...reasons,
    "Install Docker, or Java 17 with Maven and Postgres; or name servers that are running in WEIR_TEST_KAFKA,",
    "WEIR_TEST_CASSANDRA and WEIR_TEST_POSTGRES. With CI=true this is a failure.",
    line,
    "",
  ].join("\n");
}
