import assert from "node:assert/strict";
import { weir } from "../support/weir_command.ts";

const api = new URL("../../src/mod.ts", import.meta.url).href;

/** Two mistakes that are found when it is made, or one in its schedule. */
const modules = {
  "two.js": `export default pipeline("Bad Name", { source, outputs: () => [] });`,
  "cron.js": `export default pipeline("cron", {
    source,
    schedule: { cron: "0 0 31 2 *", produce: async function* () {} },
    outputs: (lines) => [lines.to(topic("copies", { key: () => null, codec }))],
  });`,
};

async function linted(...args: readonly string[]) {
  const folder = await Deno.makeTempDir({ prefix: "weir-lint-" });
  try {
    for (const [file, text] of Object.entries(modules)) {
      await Deno.writeTextFile(
        `${folder}/${file}`,
        `import { kafka, pipeline, text, topic } from ${JSON.stringify(api)};
         const codec = text();
         const source = kafka("lines", { group: "lint", codec });
         ${text}`,
      );
    }
    return await weir(["lint", ...args.map((each) => each in modules ? `${folder}/${each}` : each)]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("pipelines that are right are exit code 0", async () => {
  const { code, output } = await linted("users", "card_fraud");
  assert.equal(output, "nothing is wrong with users, card_fraud\n");
  assert.equal(code, 0);
});

Deno.test("all that is wrong is told, a line each, with exit code 1", async () => {
  const { code, output } = await linted("two.js", "nosuch");
  assert.equal(code, 1, output);
  const lines = output.trimEnd().split("\n");
  assert.equal(lines.length, 3, output);
  assert.match(lines[0]!, /two\.js: pipeline "Bad Name": its name must be lower case/);
  assert.match(lines[1]!, /two\.js: pipeline "Bad Name": it has no outputs/);
  assert.match(lines[2]!, /^there is no pipeline "nosuch"/);
});

Deno.test("what is wrong with a schedule is found, and --json is for programs", async () => {
  const { code, output } = await linted("cron.js", "--json");
  assert.equal(code, 1, output);
  const { problems } = JSON.parse(output);
  assert.equal(problems.length, 1);
  assert.match(problems[0], /^pipeline "cron": cron "0 0 31 2 \*" cannot be right/);
  assert.deepEqual(JSON.parse((await linted("users", "--json")).output), { problems: [] });
});

Deno.test("without a pipeline it is used wrongly", async () => {
  assert.equal((await linted()).code, 2);
});
