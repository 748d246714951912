/** Every benchmark's command line; nothing is measured here. */
import assert from "node:assert/strict";
import { benchmarks } from "../../bench/benchmarks.ts";

const main = new URL("../../bench/main.ts", import.meta.url).pathname;

async function bench(...args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", main, ...args],
    stdin: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

for (const { name, flags, prepare } of benchmarks) {
  Deno.test(`the benchmark ${name} takes its flags, and says what each is for`, () => {
    const given = Object.entries(flags).flatMap(([flag, { default: otherwise }]) =>
      flag === "set"
        ? ["--set", "WEIR_WORKERS=2"]
        : typeof otherwise === "boolean"
        ? [`--${flag}`]
        : [`--${flag}`, `${otherwise}`]
    );
    assert.equal(typeof prepare(given), "function");
    assert.equal(typeof prepare([]), "function");
    for (const { about } of Object.values(flags)) assert.notEqual(about, "");
  });

  Deno.test(`the benchmark ${name} refuses bad flags before it starts anything`, async () => {
    const { code, output } = await bench(name, "--runs", "some", "--nope");
    assert.equal(code, 2, output);
    assert.match(output, /--nope is not a flag of it; there are --/);
    assert.doesNotMatch(output, /^\s+at |kafka:|postgres:/m, "no stack trace, and no server was started");
  });
}

Deno.test("an unknown benchmark is refused with the names there are", async () => {
  const { code, output } = await bench("row");
  assert.equal(code, 2);
  assert.match(output, /There is no benchmark row; there are rows, windows/);
});

Deno.test("without a name the flags are those of rows", async () => {
  const { code, output } = await bench("--rows", "none");
  assert.equal(code, 2);
  assert.match(output, /--rows is "none": must be a whole number/);
});

Deno.test("help lists every benchmark with its flags", async () => {
  const { code, output } = await bench("--help");
  assert.equal(code, 0);
  for (const { name, about, flags } of benchmarks) {
    for (const text of [name, about, ...Object.keys(flags).map((flag) => `--${flag}`)]) {
      assert.ok(output.includes(text), text);
    }
  }
});

Deno.test("all takes flags of its own, and refuses others before it starts anything", async () => {
  const { code, output } = await bench("all", "--runs", "some", "--only", "row", "--rows", "5");
  assert.equal(code, 2);
  assert.match(output, /--runs is "some"/);
  assert.match(output, /--only is "row": there is no row/);
  assert.match(output, /--rows is not a flag of it/);
  assert.doesNotMatch(output, /^\s+at |kafka:|postgres:/m);
});

Deno.test("the summary takes no flags", async () => {
  const { code, output } = await bench("summary", "--runs", "5");
  assert.equal(code, 2);
  assert.match(output, /--runs is not a flag of it/);
});
