import { type Load, quiet } from "./machine_load.ts";
import { type Figures, medians } from "./medians.ts";
import { table } from "./table.ts";

/** The figures of several runs, by what was measured. */
export class Runs {
  readonly found: Record<string, Figures[]> = {};
  readonly #quiet: (patienceMs: number) => Promise<Load>;

  /** @param waitUntilQuiet Tests may give another. */
  constructor(waitUntilQuiet: (patienceMs: number) => Promise<Load> = quiet) {
    this.#quiet = waitUntilQuiet;
  }

  /** Waits for a quiet machine, measures, and keeps the figures and how busy the machine was before. */
  async measure(of: string, run: () => Promise<object>): Promise<void> {
    await this.measureSeveral(async () => ({ [of]: await run() }));
  }

  /** The same for a run that gives figures of several things. */
  async measureSeveral(run: () => Promise<Readonly<Record<string, object>>>): Promise<void> {
    const load = await this.#quiet(patienceMs);
    for (const [of, figures] of Object.entries(await run())) {
      (this.found[of] ??= []).push({ ...figures, ...load });
    }
  }

  /** The last figures of each as a table. */
  latest(): string {
    return table(this.#each((all) => all.at(-1)!));
  }

  /** The medians of each as a table. */
  medians(): string {
    return table(this.#each(medians));
  }

  #each(figures: (all: readonly Figures[]) => Figures): Record<string, Figures> {
    return Object.fromEntries(Object.entries(this.found).map(([of, all]) => [of, figures(all)]));
  }
}

/** Long enough for what the run before had left to be done. */
const patienceMs = 15_000;
