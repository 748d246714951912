/**
 * Who may import whom. The layers, from the inside out:
 *
 *     leaves <- codecs, operators, ports <- streams <- pipeline <- producers, adapters <- public API <- ready-made pipelines
 *
 * The runtime works on ports; `src/runtime/services.ts` alone chooses the adapters behind them.
 */
import assert from "node:assert/strict";
import { cycle, type Import, importsOf, reachable, sourceFiles } from "./support/module_graph.ts";

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** The layers that it may import, beside itself. */
  readonly may: readonly string[];
}

/** The first layer whose pattern matches is a file's own. */
const layers: readonly Layer[] = [
  {
    name: "leaves",
    files:
      /^src\/(record|packed_records|varint|errors|columns|duration|merge|byte_buffer|topic_name|shown)\.ts$/,
    may: [],
  },
  { name: "settings", files: /^src\/(config|settings|version)\.ts$/, may: ["leaves", "deno.json"] },
  { name: "codecs", files: /^src\/codecs\//, may: ["leaves"] },
  {
    name: "streams",
    files: /^src\/(stream|operators\/(transform|union|join_within))\.ts$/,
    may: ["leaves", "codecs", "operators"],
  },
  { name: "operators", files: /^src\/operators\//, may: ["leaves", "codecs"] },
  { name: "producer port", files: /^src\/producers\/mod\.ts$/, may: ["leaves"] },
  {
    name: "pipeline",
    files: /^src\/(pipeline|plan|plan_problems|stages|source|sink)\.ts$/,
    may: ["leaves", "codecs", "operators", "streams", "producer port"],
  },
  {
    name: "ports",
    files: /^src\/((log|sinks|warehouse)\/mod|sinks\/cells|warehouse\/(watermarks|outbox|resets))\.ts$/,
    may: ["leaves", "codecs", "pipeline"],
  },
  { name: "producers", files: /^src\/producers\//, may: ["leaves", "codecs", "producer port"] },
  {
    name: "adapters",
    files:
      /^src\/(log\/(kafka|platformatic|embedded)|sinks\/(cassandra|embedded)|warehouse\/(postgres|pglite))(_\w+)?\.ts$/,
    may: ["leaves", "ports", "pipeline", "shared by adapters"],
  },
  {
    name: "shared by adapters",
    files: /^src\/(log|sinks|warehouse)\//,
    may: ["leaves", "codecs", "ports", "pipeline"],
  },
  {
    name: "public API",
    files: /^src\/mod\.ts$/,
    may: ["leaves", "codecs", "operators", "streams", "pipeline", "producer port", "producers", "testing"],
  },
  {
    name: "testing",
    files: /^src\/testing\//,
    may: [
      "leaves",
      "codecs",
      "operators",
      "streams",
      "ports",
      "shared by adapters",
      "pipeline",
      "producer port",
      "runtime",
    ],
  },
  { name: "ready-made pipelines", files: /^src\/pipelines\//, may: ["public API", "producers"] },
  {
    name: "schedule",
    files: /^src\/schedule\//,
    may: ["leaves", "ports", "pipeline", "producer port", "status"],
  },
  { name: "status", files: /^src\/status\//, may: ["leaves"] },
  {
    name: "services",
    files: /^src\/runtime\/services\.ts$/,
    may: ["leaves", "settings", "ports", "adapters", "pipeline", "runtime"],
  },
  {
    name: "runtime",
    files: /^src\/runtime\//,
    may: [
      "leaves",
      "settings",
      "codecs",
      "operators",
      "ports",
      "shared by adapters",
      "streams",
      "pipeline",
      "ready-made pipelines",
      "schedule",
      "services",
      "status",
    ],
  },
  {
    name: "command line",
    files: /^src\/cli\/|^main\.ts$/,
    may: [
      "leaves",
      "settings",
      "ports",
      "pipeline",
      "ready-made pipelines",
      "runtime",
      "services",
      "schedule",
      "status",
    ],
  },
  {
    name: "partition worker",
    files: /^workers\/partition_worker\.ts$/,
    may: ["leaves", "pipeline", "runtime"],
  },
  {
    name: "warehouse worker",
    files: /^workers\/warehouse_worker\.ts$/,
    may: ["adapters", "shared by adapters"],
  },
  { name: "deno.json", files: /^deno\.json$/, may: [] },
];

/** Packages that are slow to load or not wanted at all in most processes, and the layers that may name them. */
const drivers: Readonly<Record<string, readonly string[]>> = {
  "kafkajs": ["adapters"],
  "@platformatic/kafka": ["adapters"],
  "cassandra-driver": ["adapters"],
  "pg": ["adapters", "shared by adapters"],
  "@electric-sql/pglite": ["adapters", "warehouse worker"],
  "@electric-sql/pglite-prepopulatedfs": ["warehouse worker"],
  "@faker-js/faker": ["producers"],
};

const files = sourceFiles("src", "workers", "main.ts");
const imports = await importsOf(files);

function layerOf(file: string): Layer | undefined {
  return layers.find((layer) => layer.files.test(file));
}

/** The adapter that a file is a part of, as in `src/log/kafka`: adapters are named by the start of their files. */
function adapterOf(file: string): string {
  return file.replace(/^(src\/\w+\/[a-z]+).*$/, "$1");
}

function driverOf(specifier: string): string | undefined {
  return Object.keys(drivers).find((name) => specifier === name || specifier.startsWith(`${name}/`));
}

/** Fails with a line for each import that breaks a rule: file, import, rule. */
function holds(broken: readonly Import[], rule: (each: Import) => string): void {
  assert.equal(broken.map((each) => `${each.from} imports ${each.to}: ${rule(each)}`).join("\n"), "");
}

Deno.test("every file belongs to a layer", () => {
  assert.ok(imports.length > 100, `only ${imports.length} imports were found`);
  assert.deepEqual(files.filter((file) => !layerOf(file)), []);
});

Deno.test("layers import only the layers below them", () => {
  const broken = imports.filter(({ from, to }) => {
    const [own, other] = [layerOf(from), layerOf(to)];
    return own && other && own !== other && !own.may.includes(other.name);
  });
  holds(broken, ({ from, to }) => {
    const { name, may } = layerOf(from)!;
    return `"${name}" may import ${may.length === 0 ? "nothing but itself" : may.join(", ")}, not "${
      layerOf(to)!.name
    }"`;
  });
});

Deno.test("adapters never import each other", () => {
  const broken = imports.filter(({ from, to }) =>
    [from, to].every((file) => layerOf(file)?.name === "adapters") && adapterOf(from) !== adapterOf(to)
  );
  holds(broken, ({ to }) => `what two adapters need must not be named for one, as ${adapterOf(to)} is`);
});

Deno.test("drivers are named only by their adapters, and loaded only by a literal import() when they are needed", () => {
  const named = imports.filter(({ to }) => driverOf(to));
  holds(
    named.filter(({ from, to }) => !drivers[driverOf(to)!]!.includes(layerOf(from)?.name ?? "")),
    ({ to }) => `only ${drivers[driverOf(to)!]!.join(" and ")} may name it`,
  );
  holds(
    named.filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic),
    () => "use await import(), or import type",
  );
});

Deno.test("a partition worker loads no adapter, driver, server or command line", () => {
  const loaded = imports.filter(({ typeOnly }) => !typeOnly);
  const reached = reachable(sourceFiles("workers/partition_worker.ts"), loaded);
  const wrong = [...reached].filter((file) =>
    driverOf(file) || /^(hono|commander|prom-client)/.test(file) ||
    ["adapters", "services", "status", "command line"].includes(layerOf(file)?.name ?? "")
  );
  assert.deepEqual(wrong, []);
});

Deno.test("the public API loads no driver and nothing of the runtime", () => {
  const loaded = imports.filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic);
  const wrong = [...reachable(["src/mod.ts"], loaded)].filter((file) =>
    driverOf(file) || /^src\/(runtime|status|schedule|cli)\//.test(file) || layerOf(file)?.name === "adapters"
  );
  assert.deepEqual(wrong, []);
});

// Types may go round within a folder: nothing is loaded for them, and between folders the layers forbid it.
Deno.test("there are no cycles", () => {
  assert.equal(cycle(imports.filter(({ typeOnly }) => !typeOnly))?.join(" -> "), undefined);
});

Deno.test("every file is reached from the command line, a worker, the public API or a pipeline's address", () => {
  const roots = sourceFiles("main.ts", "workers", "src/mod.ts", "src/pipelines");
  const reached = reachable(roots, imports);
  assert.deepEqual(files.filter((file) => !reached.has(file)), []);
});
