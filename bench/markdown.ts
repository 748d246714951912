/** A table in Markdown, as wide as `deno fmt` makes it: the first column to the left, as are all others. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** A number with so many digits that count, at least those before the point: 23,800, 13.5, 0.44; nothing for NaN. */
export function rounded(value: number | undefined, digits = 3): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 2 });
}

/** The same with a unit, and nothing without a number. */
export function withUnit(value: number | undefined, unit: string): string {
  const text = rounded(value);
  return text === "" ? "" : `${text} ${unit}`;
}
