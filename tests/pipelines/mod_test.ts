import assert from "node:assert/strict";
import { readyMade } from "../../src/pipelines/mod.ts";
import { scheduleProblem } from "../../src/schedule/schedule.ts";

Deno.test("every ready-made pipeline is a module whose default export has its name", async () => {
  assert.deepEqual(Object.keys(readyMade).slice(0, 2), ["users", "registered_users"]);
  for (const [name, { url, summary }] of Object.entries(readyMade)) {
    const { default: pipeline } = await import(url);
    assert.equal(pipeline.name, name);
    assert.equal(scheduleProblem(pipeline), undefined);
    assert.ok(summary.length > 0 && summary.length <= 110 && !summary.endsWith("."), summary);
  }
});

Deno.test("every module beside them is named", () => {
  const folder = new URL("../../src/pipelines/", import.meta.url);
  const files = [...Deno.readDirSync(folder)].map((file) => file.name).filter((name) => name !== "mod.ts");
  assert.deepEqual(files.sort(), Object.keys(readyMade).map((name) => `${name}.ts`).sort());
});
