/** The README is right about what can be checked: settings, tasks, and code. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import deno from "../deno.json" with { type: "json" };
import { flagOf, settings } from "../src/settings.ts";
import { run } from "./support/commands.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const readme = await Deno.readTextFile(`${root}README.md`);

Deno.test("the README's table has every setting with its flag, default and meaning, and no other", () => {
  const expected = settings.map((
    { name, about, default: otherwise },
  ) => [`\`${name}\``, `\`${flagOf(name)}\``, otherwise, about]);
  assert.deepEqual(rows(section("Settings")), expected);
});

Deno.test("every task that the README names exists", () => {
  const named = [...readme.matchAll(/deno(?:@\d+)? task ([a-z][a-z:]*)/g)].map(([, task]) => task!);
  assert.ok(named.length > 0);
  for (const task of named) assert.ok(task in deno.tasks, `deno.json has no task ${task}`);
});

Deno.test("the README's TypeScript compiles and runs", async () => {
  await run(Deno.execPath(), ["test", "--quiet", "--allow-all", "--doc", "README.md"], { cwd: root });
});

/** The text from a heading to the next one of its level. */
function section(title: string): string {
  const start = readme.indexOf(`\n## ${title}\n`);
  assert.ok(start >= 0, `the README has no section ${title}`);
  const end = readme.indexOf("\n## ", start + 1);
  return readme.slice(start, end < 0 ? undefined : end);
}

/** The cells of a table's rows, without its head. */
function rows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}
