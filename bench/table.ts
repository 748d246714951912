import type { Figures } from "./medians.ts";

/** How figures are named in tables; any other is named as it is. */
const titles: Readonly<Record<string, string>> = {
  rowsPerSecond: "rows/s",
  recordsPerSecond: "records/s",
  overallPerSecond: "overall/s",
  steadyPerSecond: "steady/s",
  cpuSecondsPerMillion: "CPU-s a million",
  cpuSecondsInAll: "CPU-s in all",
  perSecond: "records/s",
  steadySeconds: "over s",
  seconds: "over s",
  rowsPerRecord: "rows written a record",
  peakMemoryMb: "peak MB",
  p50: "p50 ms",
  p95: "p95 ms",
  p99: "p99 ms",
  loadAverage: "load",
  busyPercent: "busy %",
};

/** Rows of figures as text, with a column for each figure that any row has. */
export function table(rows: Readonly<Record<string, Figures>>): string {
  const columns = [...new Set(Object.values(rows).flatMap((figures) => Object.keys(figures)))];
  const cells = [
    ["", ...columns.map((column) => titles[column] ?? column)],
    ...Object.entries(rows).map((
      [name, figures],
    ) => [name, ...columns.map((column) => figure(figures[column]))]),
  ];
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ").trimEnd()
  ).join("\n");
}

/** Three digits or so, and nothing for what was not measured. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

export function percent(share: number): string {
  return Number.isNaN(share) ? "not measured" : `${(share * 100).toFixed(0)}%`;
}
