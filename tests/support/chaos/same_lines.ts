import assert from "node:assert/strict";

/** Fails with the first of the differences, for there may be very many, unless both have the same lines as often as each other. */
export function assertSameLines(what: string, found: readonly string[], expected: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const line of expected) counts.set(line, (counts.get(line) ?? 0) - 1);
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) + 1);
  const wrong = [...counts].filter(([, count]) => count !== 0)
    .map(([line, count]) => `"${line}" is there ${Math.abs(count)} times too ${count > 0 ? "often" : "few"}`);
  assert.equal(wrong.length, 0, `${what}, of ${expected.length} lines: ${wrong.slice(0, 5).join(", ")}`);
}
