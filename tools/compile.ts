/**
 * `deno task compile [file]`: makes the standalone binary, `dist/weir` unless another file is named.
 *
 * Deno downloads the base of the binary, `denort`, in its own version. Where that can't be reached: DENORT_BIN names
 * one that is there already, and WEIR_COMPILE_DENO the `deno` of exactly that version to compile with.
 */
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

const root = fileURLToPath(new URL("../", import.meta.url));
const output = resolve(root, Deno.args[0] ?? "dist/weir");
const compiler = Deno.env.get("WEIR_COMPILE_DENO") || Deno.execPath();

// Workers and pipelines are loaded by URL when the program runs, and files beside the modules are read: nothing imports
// them in a way that the compiler sees.
const included = ["workers/", "src/"].flatMap((path) => ["--include", path]);
// Types are checked by `deno task check`, which knows that workers have another global scope than windows.
const args = ["compile", "--quiet", "--allow-all", "--no-check", ...included, "--output", output, "main.ts"];

const compiled = await new Deno.Command(compiler, { args, cwd: root }).output();
if (!compiled.success) fail("deno compile failed", compiled);

// A base of another version makes a file that does not start, without an error.
const started = await new Deno.Command(output, { args: ["--version"] }).output();
if (!started.success) {
  fail(
    `${output} was made but does not start: DENORT_BIN must be of the version of the deno that compiles`,
    started,
  );
}
const { size } = await Deno.stat(output);
console.log(`${output}: ${new TextDecoder().decode(started.stdout).trim()}, ${Math.round(size / 1e6)} MB`);

function fail(message: string, { stderr }: Deno.CommandOutput): never {
  console.error(`${message}\n${new TextDecoder().decode(stderr).trim()}`);
  Deno.exit(1);
}
