/**
 * `deno task compile [file]`: makes the standalone binary, `dist/weir` unless another file is named.
 *
 * Deno downloads the base of the binary, `denort`, in its own version. Where that can't be reached: DENORT_BIN names
 * one that is there already, and DENORT_COMPILER the `deno` of exactly that version to compile with.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const output = resolve(root, Deno.args[0] ?? "dist/weir");
const compiler = Deno.env.get("DENORT_COMPILER") || Deno.execPath();

// Workers and pipelines are loaded by URL when the program runs, and files beside the modules are read: nothing imports
// them in a way that the compiler sees.
const included = ["workers/", "src/"];

// Types are checked by `deno task check`, which knows that workers have another global scope than windows.
await run(compiler, ["cache", "--quiet", "--no-check", "main.ts"]);
await run(compiler, [
  ...[
    "compile",
    "--quiet",
    "--allow-all",
    "--no-check",
    "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100",
  ],
  ...included.flatMap((path) => ["--include", path]),
  ...(await unparsable()).flatMap((path) => ["--exclude", path]),
  ...["--output", output, "main.ts"],
]);
// A base of another version makes a file that does not start, without an error.
const version = await run(
  output,
  ["--version"],
  "DENORT_BIN must be of the version of the deno that compiles",
);
const { size } = await Deno.stat(output);
console.log(`${output}: ${version}, ${Math.round(size / 1e6)} MB`);

/**
 * Folders of packages to leave out. The compiler parses each file without an extension in case it is CommonJS, and
 * overflows its stack on the test data of bintrees, which prom-client brings: 10,000 lines of numbers, read as one sum.
 */
async function unparsable(): Promise<string[]> {
  const { npmCache } = JSON.parse(await run(compiler, ["info", "--json"])) as { npmCache: string };
  const registries = await Array.fromAsync(Deno.readDir(npmCache), ({ name }) => `${npmCache}/${name}`);
  const folders = registries.map((registry) => `${registry}/bintrees/1.0.2/test`);
  const found = await Promise.all(folders.map((path) => Deno.stat(path).then(() => [path], () => [])));
  return found.flat();
}

/** Runs a program to its end and gives what it printed; ends ours when it fails. */
async function run(program: string, args: string[], hint = ""): Promise<string> {
  const output = await new Deno.Command(program, { args, cwd: root }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (output.success) return text(output.stdout);
  console.error(`${program} ${args[0]} failed\n${text(output.stderr)}\n${hint}`);
  Deno.exit(1);
}
