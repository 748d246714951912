/** What the results say, as README shows it. */
import { type Settings, settingsText } from "./environment.ts";
import { markdownTable, rounded, withUnit } from "./markdown.ts";
import { type Figures, medians, ratio } from "./medians.ts";
import type { machine } from "./results.ts";

/** What a benchmark wrote to its file. */
export interface Results {
  readonly measuredAt: string;
  readonly machine: ReturnType<typeof machine>;
  /** What `--set` changed. */
  readonly set: Settings;
  readonly runs: Readonly<Record<string, readonly Figures[]>>;
  /** What else it tells, such as how many records there were. */
  readonly [more: string]: unknown;
}

/** README's tables of performance in Markdown, of those benchmarks that have results. */
export function summary(results: ReadonlyMap<string, Results>): string {
  const parts = Object.entries(sections).flatMap(([name, section]) => {
    const found = results.get(name);
    return found ? [`${section(found)}\n\n${circumstances(found)}`] : [];
  });
  const small = Object.entries(lines).flatMap(([name, line]) => {
    const found = results.get(name);
    return found ? line(found) : [];
  });
  if (small.length > 0) parts.push(markdownTable(["what", "measured"], small));
  return parts.join("\n\n");
}

/** Those that have a table of their own. */
const sections: Readonly<Record<string, (results: Results) => string>> = {
  rows: ({ rows, runs }) =>
    [
      `Rows into Cassandra and Postgres, 12 text columns, ${count(rows)} of them, ${ofRuns(runs)}:`,
      figuresTable(runs, {
        "rows/s, steady": ({ steadyPerSecond }) => rounded(steadyPerSecond),
        ...costs,
      }),
      comparison(runs, "weir", "raw writers", "of writing directly"),
    ].join("\n\n"),
  windows: ({ records, keys, runs }) =>
    [
      `Counts by minute and key, ${count(records)} records of ${count(keys)} keys, ${ofRuns(runs)}:`,
      figuresTable(runs, {
        "records/s, steady": ({ steadyPerSecond }) => rounded(steadyPerSecond),
        overall: ({ overallPerSecond }) => rounded(overallPerSecond),
        ...costs,
      }),
      ...["kafkajs", "platformatic"].map((client) =>
        comparison(runs, `weir, ${client}`, `parse, ${client}`, "of consuming and parsing alone")
      ),
    ].join("\n\n"),
  scaling: ({ records, runs }) =>
    [
      `Counts by minute and key with more workers and processes, ${count(records)} records, ${ofRuns(runs)}:`,
      figuresTable(runs, {
        "records/s, steady": ({ steadyPerSecond }) => rounded(steadyPerSecond),
        ...costs,
      }),
    ].join("\n\n"),
  contention: ({ records, keys, runs }) =>
    [
      `Counts of the same ${count(keys)} groups by several processes, ${count(records)} records, ${
        ofRuns(runs)
      }:`,
      figuresTable(runs, {
        "records/s, steady": ({ steadyPerSecond }) => rounded(steadyPerSecond),
        overall: ({ overallPerSecond }) => rounded(overallPerSecond),
        ...costs,
        "sessions that wait for a lock": ({ waitingSessions }) => rounded(waitingSessions, 2),
        deadlocks: ({ deadlocks }) => rounded(deadlocks),
      }),
    ].join("\n\n"),
  growth: ({ runs }) =>
    [
      `What a record of the counts by minute and key costs, ${ofRuns(runs)}:`,
      figuresTable(runs, {
        "records/s": ({ perSecond }) => rounded(perSecond),
        ...costs,
        "rows written a record": ({ rowsPerRecord }) => rounded(rowsPerRecord, 2),
      }),
    ].join("\n\n"),
};

/** Those that are lines of one table. */
const lines: Readonly<Record<string, (results: Results) => [what: string, measured: string][]>> = {
  latency: ({ runs }) =>
    Object.entries(runs).map(([of, all]) => {
      const { p50, p95, p99, cores } = medians(all);
      const latencies = [p50, p95, p99].map((each) => withUnit(each, "ms")).join(", ");
      return [
        `latency to the commit, ${of}: p50, p95, p99; ${ofRuns({ of: all })}`,
        `${latencies}; ${rounded(cores, 2)} of a core`,
      ];
    }),
  start: ({ runs }) => {
    const seconds = medians(runs.seconds ?? []);
    const both = (which: string) =>
      ["new", "again"].map((each) => withUnit(seconds[`${which}, ${each}`], "s")).join(", ");
    return [
      [`first rows, embedded: new data directory, again; ${ofRuns(runs)}`, both("embedded")],
      [`first rows, real services: tables to be made, again; ${ofRuns(runs)}`, both("real")],
    ];
  },
  memory: ({ minutes, runs }) => {
    const { "start MB": start, "end MB": end, "peak MB": peak, "MB a minute": slope } = medians(
      runs.weir ?? [],
    );
    return [[
      `memory over ${minutes} minutes of overload: start, end, peak; slope`,
      `${rounded(start)}, ${rounded(end)}, ${withUnit(peak, "MB")}; ${withUnit(slope, "MB a minute")}`,
    ]];
  },
  takeover: ({ runs }) => [[
    `new rows after kill -9, ${ofRuns(runs)}`,
    withUnit(medians(runs.seconds ?? [])["first rows"], "s"),
  ]],
};

type Columns = Readonly<Record<string, (figures: Figures) => string>>;

const costs: Columns = {
  "CPU-seconds a million": ({ cpuSecondsPerMillion }) => rounded(cpuSecondsPerMillion),
  "peak memory": ({ peakMemoryMb }) => withUnit(peakMemoryMb, "MB"),
};

function figuresTable(runs: Results["runs"], columns: Columns): string {
  const rows = Object.entries(runs).map(([of, all]) => {
    const figures = medians(all);
    return [of, ...Object.values(columns).map((cell) => cell(figures))];
  });
  return markdownTable(["", ...Object.keys(columns)], rows);
}

/** How Weir does beside what limits it, and beside Spark if that was measured; the medians of the runs' own ratios. */
function comparison(runs: Results["runs"], weir: string, limit: string, ofLimit: string): string {
  const to = (other: string) => ratio(runs[weir] ?? [], runs[other] ?? [], "steadyPerSecond");
  const [toLimit, toSpark] = [to(limit), to("spark")];
  const spark = Number.isNaN(toSpark) ? "" : `, ${rounded(toSpark, 2)} times Spark's rate`;
  return `${weir}: ${rounded(toLimit * 100, 3)}% ${ofLimit}${spark}.`;
}

/** When and where it was, and how busy the machine was before the runs. */
function circumstances({ measuredAt, machine, set, runs }: Results): string {
  const { cores, processor, memoryGb, deno } = machine;
  const loads = Object.values(runs).flat().map((each) => each.loadAverage).filter((each) =>
    typeof each === "number"
  );
  const load = loads.length === 0
    ? ""
    : `; load average before the runs ${rounded(Math.min(...loads), 2)} to ${rounded(Math.max(...loads), 2)}`;
  const changed = Object.keys(set).length === 0 ? "" : `; ${settingsText(set)}`;
  return `(${
    measuredAt.slice(0, 10)
  }, ${cores} cores, ${processor}, ${memoryGb} GB, Deno ${deno}${changed}${load})`;
}

function ofRuns(runs: Results["runs"]): string {
  const times = Math.max(0, ...Object.values(runs).map((all) => all.length));
  return times === 1 ? "one run" : `medians of ${times} runs`;
}

function count(value: unknown): string {
  return Number(value).toLocaleString("en-US");
}
