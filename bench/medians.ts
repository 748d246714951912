/** Figures by name; one that was not measured is absent or NaN. */
export type Figures = Readonly<Record<string, number | undefined>>;

/** The middle one, or the mean of the two in the middle; NaN when there are none. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each figure over several runs, of those runs that have it. */
export function medians(runs: readonly Figures[]): Figures {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  const measured = (name: string) =>
    runs.map((run) => run[name]).filter((each): each is number => each !== undefined && !Number.isNaN(each));
  return Object.fromEntries([...names].map((name) => [name, median(measured(name))]));
}

/** The median of the ratios of two figures that were measured in the same runs, one after the other. */
export function ratio(of: readonly Figures[], to: readonly Figures[], name: string): number {
  return median(
    of.map((run, i) => (run[name] ?? NaN) / (to[i]?.[name] ?? NaN)).filter((each) => !Number.isNaN(each)),
  );
}

/** The nearest rank: the value that `p` percent (0 to 100) of the numbers do not exceed; NaN when there are none. */
export function percentile(numbers: readonly number[], p: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(p / 100 * sorted.length)) - 1] ?? NaN;
}

/** The slope of the straight line through points that is nearest to them, by least squares; NaN for fewer than two. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  let [covariance, variance] = [0, 0];
  for (const [x, y] of points) {
    covariance += (x - mx) * (y - my);
    variance += (x - mx) ** 2;
  }
  return covariance / variance;
}
