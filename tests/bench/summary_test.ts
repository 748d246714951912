import assert from "node:assert/strict";
import { type Results, summary } from "../../bench/summary.ts";

function results(runs: Results["runs"], more: Readonly<Record<string, unknown>> = {}): Results {
  const machine = { cores: 2, processor: "A processor", memoryGb: 24, deno: "2.9.6" };
  return { measuredAt: "2026-11-21T15:12:38.684Z", machine, set: {}, runs, ...more };
}

const rows = results({
  "raw writers": [{ steadyPerSecond: 20_000, cpuSecondsPerMillion: 16, loadAverage: 0.2 }, {
    steadyPerSecond: 30_000,
    cpuSecondsPerMillion: 18,
    loadAverage: 2.6,
  }],
  weir: [{ steadyPerSecond: 22_000, cpuSecondsPerMillion: 15, peakMemoryMb: 270.4 }, {
    steadyPerSecond: 27_000,
    cpuSecondsPerMillion: 14,
    peakMemoryMb: 290,
  }],
  spark: [{ steadyPerSecond: 5_500, peakMemoryMb: NaN }, { steadyPerSecond: 9_000, peakMemoryMb: 1_300 }],
}, { rows: 400_000, set: { WEIR_MEMORY_BYTES: "16777216" } });

Deno.test("rows are summed up as a table of medians, with ratios and what they depend on", () => {
  assert.equal(
    summary(new Map([["rows", rows]])),
    [
      "Rows into Cassandra and Postgres, 12 text columns, 400,000 of them, medians of 2 runs:",
      "",
      "|             | rows/s, steady | CPU-seconds a million | peak memory |",
      "| ----------- | -------------- | --------------------- | ----------- |",
      "| raw writers | 25,000         | 17                    |             |",
      "| weir        | 24,500         | 14.5                  | 280 MB      |",
      "| spark       | 7,250          |                       | 1,300 MB    |",
      "",
      "weir: 100% of writing directly, 3.5 times Spark's rate.",
      "",
      "(2026-11-21, 2 cores, A processor, 24 GB, Deno 2.9.6; WEIR_MEMORY_BYTES=16777216; load average before the " +
      "runs 0.2 to 2.6)",
    ].join("\n"),
  );
});

Deno.test("a table without Spark says nothing of it", () => {
  const { spark: _, ...runs } = rows.runs;
  const text = summary(new Map([["rows", results(runs, { rows: 1 })]]));
  assert.match(text, /^weir: 100% of writing directly\.$/m);
  assert.doesNotMatch(text, /spark/i);
});

Deno.test("windows are compared by client", () => {
  const rate = (steadyPerSecond: number) => [{ steadyPerSecond, overallPerSecond: steadyPerSecond / 2 }];
  const runs = {
    "parse, kafkajs": rate(400_000),
    "weir, kafkajs": rate(200_000),
    "parse, platformatic": rate(150_000),
    "weir, platformatic": rate(300_000),
    spark: rate(100_000),
  };
  const text = summary(new Map([["windows", results(runs, { records: 3_000_000, keys: 1_000 })]]));
  assert.match(text, /^Counts by minute and key, 3,000,000 records of 1,000 keys, one run:$/m);
  assert.match(text, /^\| weir, platformatic +\| 300,000 +\| 150,000 \|/m);
  assert.match(text, /^weir, kafkajs: 50% of consuming and parsing alone, 2 times Spark's rate\.$/m);
  assert.match(text, /^weir, platformatic: 200% of consuming and parsing alone, 3 times Spark's rate\.$/m);
});

Deno.test("growth, scaling and contention have tables of their own", () => {
  const growth = {
    "records 10 to 20": [{ perSecond: 200_000, cpuSecondsPerMillion: 5.36, peakMemoryMb: 270 }],
  };
  const scaling = { "2 workers": [{ steadyPerSecond: 200_000, cpuSecondsPerMillion: 5, peakMemoryMb: 260 }] };
  const contention = {
    "sql, groups shared, 2 processes": [{
      steadyPerSecond: 150_000,
      overallPerSecond: 90_000,
      cpuSecondsPerMillion: 5,
      peakMemoryMb: 400,
      waitingSessions: 0.25,
      deadlocks: 0,
    }],
  };
  const text = summary(
    new Map([
      ["growth", results(growth)],
      ["scaling", results(scaling, { records: 1_000_000 })],
      ["contention", results(contention, { records: 1_000_000, keys: 16 })],
    ]),
  );
  assert.match(
    text,
    /^\| sql, groups shared, 2 processes \| 150,000 +\| 90,000 +\| 5 +\| 400 MB +\| 0\.25 +\| 0 +\|$/m,
  );
  assert.match(text, /^\| records 10 to 20 \| 200,000 +\| 5\.36 +\| 270 MB +\| +\|$/m);
  assert.match(text, /^\| 2 workers \| 200,000 +\| 5 +\| 260 MB +\|$/m);
});

Deno.test("what is one line each stands in one table", () => {
  const text = summary(
    new Map([
      ["latency", results({ "weir at 500/s": [{ p50: 7, p95: 11.5, p99: 20.25, cores: 0.331 }] })],
      [
        "start",
        results({
          seconds: [{
            "embedded, new": 2,
            "embedded, again": 0.84,
            "real, new": 0.74,
            "real, again": 0.58,
          }],
        }),
      ],
      [
        "memory",
        results({ weir: [{ "start MB": 254, "end MB": 266, "peak MB": 268, "MB a minute": -0.25 }] }, {
          minutes: 3,
        }),
      ],
      ["takeover", results({ seconds: [{ "first rows": 6 }, { "first rows": 6.2 }, { "first rows": 9 }] })],
    ]),
  );
  const cells = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()).slice(1, -1));
  assert.deepEqual(cells.toSpliced(1, 1), [
    ["what", "measured"],
    [
      "latency to the commit, weir at 500/s: p50, p95, p99; one run",
      "7 ms, 11.5 ms, 20.3 ms; 0.33 of a core",
    ],
    ["first rows, embedded: new data directory, again; one run", "2 s, 0.84 s"],
    ["first rows, real services: tables to be made, again; one run", "0.74 s, 0.58 s"],
    ["memory over 3 minutes of overload: start, end, peak; slope", "254, 266, 268 MB; -0.25 MB a minute"],
    ["new rows after kill -9, medians of 3 runs", "6.2 s"],
  ]);
});

Deno.test("without results there is nothing to sum up", () => {
  assert.equal(summary(new Map()), "");
});
