import assert from "node:assert/strict";
import { type CpuProfile, profileText, summarize } from "../../bench/profile.ts";

const root = "/home/of a user/weir/";

function node(id: number, functionName: string, url = "", lineNumber = 0): CpuProfile["nodes"][number] {
  return { id, callFrame: { functionName, url, lineNumber } };
}

const nodes = [
  node(1, "(root)"),
  node(2, "(idle)"),
  node(3, "(garbage collector)"),
  node(4, "(program)"),
  node(5, "decode", "file:///home/of%20a%20user/weir/src/codecs/json.ts", 9),
  node(6, "decode", "file:///home/of%20a%20user/weir/src/codecs/json.ts", 9),
  node(7, "", "file:///home/of%20a%20user/weir/src/codecs/json.ts", 29),
  node(8, "fetch", "file:///cache/npm/registry.example/kafkajs/2.2.4/src/index.js", 0),
  node(9, "read", "file:///x/node_modules/a/node_modules/@b/c/index.js", 0),
  node(10, "parse"),
  node(12, "op_worker_maybe_wait_for_debugger"),
  node(11, "never", "file:///home/of%20a%20user/weir/src/codecs/text.ts", 0),
];

const profile: CpuProfile = {
  nodes,
  //        root idle wait gc pr decode  anon fetch read parse
  samples: [1, 2, 12, 3, 4, 5, 6, 5, 7, 8, 9, 10],
  timeDeltas: [0, 300_000, 700_000, 100_000, 50_000, 200_000, 100_000, -5, 250_000, 150_000, 50_000, 100_000],
};

Deno.test("a profile's time is split into idle, garbage collection, native code and functions", () => {
  const summary = summarize(profile, root);
  assert.equal(summary.seconds, 2);
  assert.equal(summary.busySeconds, 1);
  assert.equal(summary.idle, 0.5);
  assert.equal(summary.garbageCollection, 0.1);
  assert.equal(summary.native, 0.05);
});

Deno.test("self time adds up by function wherever it was called from, and by file", () => {
  const { functions, files } = summarize(profile, root);
  assert.deepEqual(functions, [
    { name: "decode src/codecs/json.ts:10", share: 0.3 },
    { name: "(anonymous) src/codecs/json.ts:30", share: 0.25 },
    { name: "fetch kafkajs/2.2.4/src/index.js:1", share: 0.15 },
    { name: "parse (built in)", share: 0.1 },
    { name: "read @b/c/index.js:1", share: 0.05 },
  ]);
  assert.deepEqual(files.map(({ name }) => name), [
    "src/codecs/json.ts",
    "kafkajs/2.2.4/src/index.js",
    "(built in)",
    "@b/c/index.js",
  ]);
  assert.equal(files[0]!.share, 0.55);
});

Deno.test("a profile as text has the longest functions and files only", () => {
  const text = profileText("main thread", summarize(profile, root), 2);
  assert.equal(
    text,
    [
      "main thread: busy 1.0 s of 2.0 s, idle 50.0%; of the busy time garbage collection 10.0%, native code 5.0%",
      "self time by function",
      "   30.0%  decode src/codecs/json.ts:10",
      "   25.0%  (anonymous) src/codecs/json.ts:30",
      "self time by file",
      "   55.0%  src/codecs/json.ts",
      "   15.0%  kafkajs/2.2.4/src/index.js",
    ].join("\n"),
  );
});

Deno.test("a profile without samples has no shares", () => {
  const { seconds, idle, garbageCollection, functions } = summarize(
    { nodes, samples: [], timeDeltas: [] },
    root,
  );
  assert.deepEqual([seconds, idle, garbageCollection, functions], [0, 0, 0, []]);
});
