import assert from "node:assert/strict";
import { ConfigError } from "../../src/errors.ts";
import { stagesOf } from "../../src/pipeline.ts";
import { loadPipelines } from "../../src/runtime/load_pipeline.ts";

const api = new URL("../../src/mod.ts", import.meta.url).href;

/** A module whose pipeline goes through a topic of its own. */
const module = (name: string, group: string, by: string) => `
  import { kafka, pipeline, repartition, text, topic } from ${JSON.stringify(api)};
  const codec = text();
  const key = (line) => line;
  export default pipeline("${name}", {
    source: kafka("lines", { group: "${group}", codec }),
    outputs: (lines) => [lines.pipe(repartition("${by}", { key, codec })).to(topic("${name}.out", { key, codec }))],
  });`;

/** Loads modules of these texts. */
async function load(...texts: readonly string[]) {
  const folder = await Deno.makeTempDir({ prefix: "weir-load-" });
  try {
    const paths = texts.map((_, i) => `./${i}.js`);
    for (const [i, text] of texts.entries()) await Deno.writeTextFile(`${folder}/${i}.js`, text);
    return await loadPipelines(paths, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("pipelines with stages are loaded whole, and may read the same topic", async () => {
  const loaded = await load(module("a", "a", "by_a"), module("b", "b", "by_b"));
  assert.deepEqual(loaded.map(({ plan }) => stagesOf(plan).map(({ name }) => name)), [
    ["a", "a/by_a"],
    ["b", "b/by_b"],
  ]);
});

Deno.test("pipelines that would write to one another's topic, or share a group, are refused", async () => {
  await assert.rejects(load(module("a", "a", "by"), module("b", "b", "by")), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(error.problems, [
      "two pipelines repartition by way of by; give each a topic of its own",
    ]);
    return true;
  });
  await assert.rejects(load(module("a", "a", "by_a"), module("b", "a", "by_b")), {
    message: /two pipelines read lines as the group a; give each a group of its own/,
  });
});

Deno.test("pipelines may read one further topic, each in a group of its own", async () => {
  const reading = (name: string, group: string) => `
    import { kafka, pipeline, text, topic } from ${JSON.stringify(api)};
    const codec = text();
    const out = (to) => topic("${name}." + to, { key: () => null, codec });
    export default pipeline("${name}", {
      source: kafka("${name}.lines", { group: "${name}", codec }),
      sources: { others: kafka("others", { group: "${group}", codec }) },
      outputs: (lines, { others }) => [lines.to(out("a")), others.to(out("b"))],
    });`;
  const loaded = await load(reading("a", "others-of-a"), reading("b", "others-of-b"));
  assert.deepEqual(loaded.map(({ plan }) => stagesOf(plan).map(({ name }) => name)), [
    ["a", "a/others"],
    ["b", "b/others"],
  ]);
  await assert.rejects(load(reading("a", "others"), reading("b", "others")), {
    message: /two pipelines read others as the group others; give each a group of its own/,
  });
});

Deno.test("folders and files may have any names", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir #1 50%25 é" });
  try {
    await Deno.writeTextFile(`${folder}/a#b%41.js`, module("a", "a", "by_a"));
    const loaded = await loadPipelines(["./a#b%41.js"], folder);
    assert.deepEqual(loaded.map(({ plan }) => plan.name), ["a"]);
    assert.deepEqual((await loadPipelines([`${folder}/a#b%41.js`], "/")).map(({ plan }) => plan.name), ["a"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("why a module cannot be loaded has no colours in it", async () => {
  await assert.rejects(load('import "./nowhere.js";'), (error) => {
    const [problem] = (error as ConfigError).problems;
    assert.match(problem!, /^cannot load the pipeline .*Module not found/);
    // deno-lint-ignore no-control-regex -- it is what is looked for
    assert.doesNotMatch(problem!, /\x1b/);
    return true;
  });
});

Deno.test("what every object has is no pipeline", async () => {
  for (const name of ["constructor", "toString", "__proto__"]) {
    await assert.rejects(loadPipelines([name], "/"), {
      message: new RegExp(`there is no pipeline "${name}"`),
    });
  }
});
